/** Runs a scorer so that nothing it does reaches the run: whatever happens becomes one bounded, typed outcome. */

import type { JsonValue } from '../../lib/json.ts'
import { clip, failed } from './outcome.ts'
import type { Sample, Score, ScoreOutcome, ScorerKind, Tools } from './scorer.ts'

const MAX_REASON_CHARS = 1_000
const MAX_DETAILS_CHARS = 4_096

/**
 * Judges one sample; never throws and never waits longer than `signal` allows. `error` when the scorer throws, does not
 * answer in time, or gives what is no outcome: a value that is not finite, or outside of what its kind promises.
 */
export async function judgeSafely(
  scorer: Pick<ScorerKind, 'values'> & { score: Score },
  sample: Sample,
  { signal, tools }: { signal: AbortSignal; tools: Tools },
): Promise<ScoreOutcome> {
  if (signal.aborted) return failed('The scorer was stopped before it began.')
  const stop = Promise.withResolvers<never>()
  const onAbort = () => stop.reject(new Error('stopped before it answered'))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    const scored = (async () => await scorer.score(sample, signal, tools))()
    return checked(await Promise.race([scored, stop.promise]), scorer.values)
  } catch (error) {
    // Converted: one scorer's mistake is that score's error, and the other scores of the item go on.
    return failed(clip(`The scorer failed: ${messageOf(error)}`, MAX_REASON_CHARS))
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'it threw something that is no error.'
}

type Scored = Extract<ScoreOutcome, { outcome: 'scored' }>

/** Scorers may be written by users, so their types are not believed. */
function checked(given: unknown, values: ScorerKind['values']): ScoreOutcome {
  const outcome = given as { [Field in keyof Scored]?: unknown } | null | undefined
  const reason = typeof outcome?.reason === 'string' ? clip(outcome.reason, MAX_REASON_CHARS) : ''
  if (outcome?.outcome === 'abstained' || outcome?.outcome === 'error') {
    return { outcome: outcome.outcome, reason: reason === '' ? 'No reason was given.' : reason }
  }
  if (outcome?.outcome !== 'scored') return failed('The scorer gave no outcome.')
  const { value, passed = null } = outcome
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    return failed(`The scorer gave ${clip(String(value), 40)} where a finite number is expected.`)
  }
  if (values === 'binary' && value !== 0 && value !== 1) {
    return failed(`The scorer gave ${value} where 0 or 1 is expected.`)
  }
  if (values === 'share' && (value < 0 || value > 1)) {
    return failed(`The scorer gave ${value} where a share from 0 to 1 is expected.`)
  }
  if (passed !== null && typeof passed !== 'boolean')
    return failed('The scorer gave neither passed nor failed.')
  const details = boundedDetails(outcome.details)
  return { outcome: 'scored', value, passed, reason, ...(details !== undefined && { details }) }
}

/** Throws for what is no JSON, such as a cycle. */
function boundedDetails(details: unknown): JsonValue | undefined {
  const text = JSON.stringify(details) as string | undefined
  if (text === undefined) return undefined
  if (text.length <= MAX_DETAILS_CHARS) return JSON.parse(text) as JsonValue
  return { left_out: `${text.length} characters, where ${MAX_DETAILS_CHARS} are kept` }
}
