/** Judges one answer by every scorer of a run. Each gives exactly one row, also when there is nothing to judge. */

import type { JsonValue } from '../../lib/json.ts'
import type { DatasetItem } from '../datasets/item.ts'
import type { Sample, ScoreOutcome, ToolCall, Tools } from '../scorers/scorer.ts'
import type { ResultRow, ScoreRow } from './result-rows.ts'
import type { RunScorer } from './run-content.ts'
import { storable } from './storable.ts'

/** A scorer of a run, ready to judge: never throws, and gives nothing that cannot be kept. */
type ReadyScorer = {
  name: string
  version: number
  judge: (sample: Sample, given: { signal: AbortSignal; tools: Tools }) => Promise<ScoreOutcome>
}
export type RunJudge = readonly ReadyScorer[]
export type JudgeWith = (scorers: readonly RunScorer[]) => RunJudge

/** Tools of one judgement, and what using them has cost: micro-USD, null when a price is unknown. */
export type MeteredTools = { tools: Tools; cost: () => bigint | null }

/**
 * Gives each scorer's row as soon as it has judged. `sample` is null for a call that failed, with `error`. Ends only with the last
 * scorer, or by throwing the signal's reason.
 */
export async function* judgeUnit(
  judge: RunJudge,
  { sample, error }: { sample: Sample | null; error: string | null },
  { signal, meter }: { signal: AbortSignal; meter: () => MeteredTools },
): AsyncGenerator<ScoreRow> {
  for (const scorer of judge) {
    signal.throwIfAborted()
    yield sample === null
      ? rowOf(scorer, { outcome: 'error', reason: `There is no answer: ${error ?? 'the call failed'}` }, 0n)
      : await judgeSample(scorer, sample, { signal, metered: meter() })
  }
}

/** Throws the signal's reason alone. */
export async function judgeSample(
  scorer: ReadyScorer,
  sample: Sample,
  { signal, metered }: { signal: AbortSignal; metered: MeteredTools },
): Promise<ScoreRow> {
  const outcome = await scorer.judge(sample, { signal, tools: metered.tools })
  signal.throwIfAborted()
  return rowOf(scorer, outcome, metered.cost())
}

/** Taken over from nobody. */
const OWN = { cachedFrom: null, cachedAt: null }

function rowOf({ name, version }: ReadyScorer, outcome: ScoreOutcome, spent: bigint | null): ScoreRow {
  const reason = storable(outcome.reason)
  const cost = spent === null ? null : String(spent)
  if (outcome.outcome !== 'scored') {
    return {
      scorer: name,
      version,
      outcome: outcome.outcome,
      value: null,
      passed: null,
      reason,
      details: null,
      cost,
      ...OWN,
    }
  }
  const { value, passed, details } = outcome
  return {
    scorer: name,
    version,
    outcome: 'scored',
    value,
    passed,
    reason,
    details: details === undefined ? null : JSON.stringify(details),
    cost,
    ...OWN,
  }
}

/** Of a result, what is judged. */
export type Answered = Pick<
  ResultRow,
  'output' | 'toolCalls' | 'contexts' | 'retrieved' | 'finishReason' | 'latencyMs' | 'cost'
> &
  Partial<Pick<ResultRow, 'cachedFrom'>>

/** What the item says, and what was answered. */
export function sampleOf(item: DatasetItem, result: Answered): Sample {
  const shown = JSON.parse(result.contexts) as string[]
  const found = result.retrieved === null ? null : (JSON.parse(result.retrieved) as string[])
  return {
    input: inputOf(item),
    prompt: promptOf(item),
    variables: item.variables ?? {},
    output: result.output ?? '',
    toolCalls: JSON.parse(result.toolCalls) as ToolCall[],
    finishReason: result.finishReason,
    expected: item.expected ?? null,
    assertions: item.assertions ?? null,
    contexts: shown.length > 0 ? shown : (item.contexts ?? []),
    retrieved: found === null ? null : { found, relevant: relevantOf(item) },
    latencyMs: result.latencyMs,
    cost: result.cost === null ? null : BigInt(result.cost),
    ...(result.cachedFrom != null && { takenOver: true }),
  }
}

function inputOf({ input, messages, variables }: DatasetItem): string {
  if (input !== undefined) return input
  const last = messages?.findLast(({ role }) => role === 'user')?.content
  if (typeof last === 'string') return last
  const texts = Object.values(variables ?? {}).filter((value): value is string => typeof value === 'string')
  return texts.length === 1 ? (texts[0] ?? '') : JSON.stringify(variables ?? {})
}

function promptOf({ input, messages }: DatasetItem): string | null {
  if (messages === undefined) return input ?? null
  const [only] = messages
  const isText = messages.length === 1 && only?.role === 'user' && typeof only.content === 'string'
  return isText ? String(only.content) : JSON.stringify(messages)
}

/** `metadata.relevant` names documents, one or several with commas between. */
function relevantOf({ metadata }: DatasetItem): string[] {
  const named: JsonValue | undefined = metadata?.relevant
  if (typeof named !== 'string') return []
  return named
    .split(',')
    .map((key) => key.trim())
    .filter((key) => key !== '')
}
