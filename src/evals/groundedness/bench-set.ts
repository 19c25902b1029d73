/** One labelled set, scored: what `aval bench groundedness` does with each file. Stops when told to. */

import type { ScoredAnswer, ScoredSet } from './bench-report.ts'
import { floorsOf } from './floors.ts'
import { type Detector, type Embed, judgeReading, readAnswer } from './ground.ts'
import type { LabelledAnswer } from './sets.ts'
import { FITTED } from './weights.generated.ts'
import { modelFor } from './weights.ts'

export type ScoreDeps = {
  embed: Embed
  detector: Detector | null
  /** Of a clock that only goes forward. */
  nowMs: () => number
  signal: AbortSignal
  onRow: (done: number) => void
}

/** Rejects as the models do, and with the signal's reason. Floors are computed outside of the time that is measured. */
export async function scoreSet(
  { embed, detector, nowMs, signal, onRow }: ScoreDeps,
  set: string,
  rows: readonly LabelledAnswer[],
): Promise<ScoredSet & { isHeldOut: boolean }> {
  const { model, isFold } = modelFor(set, FITTED)
  const answers: ScoredAnswer[] = []
  let spentMs = 0
  for (const [at, { contexts, answer, isSupported, group }] of rows.entries()) {
    signal.throwIfAborted()
    const startMs = nowMs()
    const reading = await readAnswer(embed, { contexts, answer }, signal)
    if (!('abstained' in reading)) {
      const { score, probability } = await judgeReading(reading, { model, task: 'any', detector, signal })
      spentMs += nowMs() - startMs
      answers.push({ isSupported, group, score, probability, floors: floorsOf(answer, reading) })
    }
    onRow(at + 1)
  }
  return {
    set,
    answers,
    rows: rows.length,
    msPerItem: spentMs / Math.max(1, answers.length),
    isHeldOut: isFold,
  }
}
