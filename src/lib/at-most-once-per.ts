/** An answer that is kept for a while, so that asking often costs no more than asking now and then. */

import type { Clock } from './clock.ts'

/** Asks at most once in `everyMs`, and never twice at a time: who comes meanwhile gets the same promise. A failure is kept as long. */
export function atMostOncePer<Answer>(
  clock: Pick<Clock, 'monotonicMs'>,
  everyMs: number,
  ask: () => Promise<Answer>,
): () => Promise<Answer> {
  let kept: { atMs: number; answer: Promise<Answer>; pending: boolean } | null = null
  return () => {
    const nowMs = clock.monotonicMs()
    if (kept !== null && (kept.pending || nowMs - kept.atMs < everyMs)) return kept.answer
    const entry = { atMs: nowMs, answer: ask(), pending: true }
    const settle = (): void => {
      entry.pending = false
    }
    entry.answer.then(settle, settle)
    kept = entry
    return entry.answer
  }
}
