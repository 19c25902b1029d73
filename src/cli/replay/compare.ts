/** Two series of answers side by side. Pure; says nothing about which one is better. */

import { quantile } from '../../lib/quantile.ts'
import type { LoggedRequest } from './logged.ts'

/** A request and its replay. `after` is null while the log does not have it. */
export type Pair = {
  before: LoggedRequest
  after: LoggedRequest | null
  /** `req_…` of the replay, null when the server never answered. */
  afterId: string | null
  /** Null when one of the two says nothing that could be compared. */
  identical: boolean | null
  errorCode: string | null
}

/** Of pairs in which both sides completed and have the value; `count` is how many those are. */
export type Times = {
  count: number
  before: { p50: number | null; p95: number | null }
  after: { p50: number | null; p95: number | null }
  /** Median after minus median before. */
  difference: number | null
}
/** Sums of what upstreams told; null when they told nothing at all. `unknown` counts the requests they told nothing of. */
export type Tokens = { known: number | null; unknown: number }

export type Comparison = {
  outcomes: Record<string, { before: number; after: number }>
  latencyMs: Times
  ttftMs: Times
  inputTokens: { before: Tokens; after: Tokens }
  outputTokens: { before: Tokens; after: Tokens }
  answers: { compared: number; identical: number; differing: Pair[] }
}

/** The outcome of a replay that is not on the log. */
export const NOT_ON_LOG = 'not_on_log'

export function compare(pairs: readonly Pair[]): Comparison {
  const compared = pairs.filter(({ identical }) => identical !== null)
  const differing = compared.filter(({ identical }) => identical === false)
  return {
    outcomes: countOutcomes(pairs),
    latencyMs: compareTimes(pairs, ({ duration_ms }) => duration_ms),
    ttftMs: compareTimes(pairs, ({ ttft_ms }) => ttft_ms),
    inputTokens: compareTokens(pairs, ({ input_tokens }) => input_tokens),
    outputTokens: compareTokens(pairs, ({ output_tokens }) => output_tokens),
    answers: { compared: compared.length, identical: compared.length - differing.length, differing },
  }
}

/** Tokens of some requests, summed up. */
export function sumTokens(values: readonly (number | null)[]): Tokens {
  const known = values.filter((value) => value !== null)
  return {
    known: known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0),
    unknown: values.length - known.length,
  }
}

function countOutcomes(pairs: readonly Pair[]): Comparison['outcomes'] {
  const outcomes: Comparison['outcomes'] = {}
  const count = (outcome: string, side: 'before' | 'after') => {
    outcomes[outcome] ??= { before: 0, after: 0 }
    outcomes[outcome][side] += 1
  }
  for (const { before, after } of pairs) {
    count(before.outcome, 'before')
    count(after?.outcome ?? NOT_ON_LOG, 'after')
  }
  return outcomes
}

/** A quick refusal is no quick answer, so failures on either side are left out. */
function compareTimes(pairs: readonly Pair[], timeOf: (row: LoggedRequest) => number | null): Times {
  const before: number[] = []
  const after: number[] = []
  for (const pair of pairs) {
    if (pair.before.outcome !== 'completed' || pair.after?.outcome !== 'completed') continue
    const [old, now] = [timeOf(pair.before), timeOf(pair.after)]
    if (old === null || now === null) continue
    before.push(old)
    after.push(now)
  }
  const [old, now] = [quantile(before, 0.5), quantile(after, 0.5)]
  return {
    count: before.length,
    before: { p50: old, p95: quantile(before, 0.95) },
    after: { p50: now, p95: quantile(after, 0.95) },
    difference: old === null || now === null ? null : now - old,
  }
}

function compareTokens(pairs: readonly Pair[], tokensOf: (row: LoggedRequest) => number | null) {
  return {
    before: sumTokens(pairs.map(({ before }) => tokensOf(before))),
    after: sumTokens(pairs.map(({ after }) => (after === null ? null : tokensOf(after)))),
  }
}
