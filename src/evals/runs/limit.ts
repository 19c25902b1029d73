/**
 * Pure: what an upstream is taken to bear, and what of it is left for the calls of one worker's runs. One more after a round
 * without complaint, half when it complains (additive increase, multiplicative decrease: Chiu and Jain 1989,
 * https://doi.org/10.1016/0169-7552(89)90019-6). Every worker reckons by the same figures, so that all come to one limit.
 */

export type Limit = {
  /** Calls under way that it bears, of traffic and runs together. */
  calls: number
  /** Of the burst by which it was halved last, by `monotonicMs`. */
  complainedAtMs: number
}

/** An upstream as a worker sees it now. All calls are those of all processes, unless it says otherwise. */
export type Seen = {
  nowMs: number
  /** Calls of apps under way. */
  traffic: number
  /** Calls of runs under way. */
  runs: number
  /** Calls of runs under way or waiting for room. */
  wanted: number
  /** Calls of anybody that were answered since the last look. */
  answered: number
  /** When it last said to anybody that it has too much to do. */
  complainedAtMs: number
}

/** The others' runs at an upstream: what each has under way, and what it wants. */
export type Others = readonly { underWay: number; wanted: number }[]

/**
 * Complaints of so long are one burst: it takes up to two seconds until every worker has heard of one, and what was begun
 * before is still complained of.
 */
export const BURST_MS = 3_000
/** What is under way so long after the last complaint is borne. */
const QUIET_MS = 10_000

/** Half of what its own runs want beside all that is borne already, so that an upstream without room says so before all are on their way. */
export function firstLimit({ traffic }: Seen, others: Others, wanted: number): Limit {
  const borne = traffic + sum(others.map(({ underWay }) => underWay))
  return { calls: borne + Math.max(1, Math.ceil(wanted / 2)), complainedAtMs: Number.NEGATIVE_INFINITY }
}

/** Whether a complaint is none of the burst by which the limit was halved last. */
export function isNewBurst({ complainedAtMs }: Limit, atMs: number): boolean {
  return Number.isFinite(atMs) && atMs >= complainedAtMs + BURST_MS
}

export function nextLimit(limit: Limit, seen: Seen): Limit {
  const { calls, complainedAtMs } = limit
  if (isNewBurst(limit, seen.complainedAtMs)) {
    // What was never used says nothing of what it bears.
    const used = Math.min(calls, seen.traffic + seen.runs)
    return { calls: Math.max(1, used / 2), complainedAtMs: seen.complainedAtMs }
  }
  const quietMs = seen.nowMs - Math.max(complainedAtMs, seen.complainedAtMs)
  if (quietMs < BURST_MS) return limit
  const borne = quietMs < QUIET_MS ? 0 : seen.traffic + seen.runs
  // One more for each round of as many answers as there are calls: n(n+1)/2 grows by n with each. Never beyond what is wanted.
  const grown = Math.min(Math.sqrt(calls ** 2 + 2 * seen.answered), seen.traffic + seen.wanted)
  return { calls: Math.max(calls, grown, borne), complainedAtMs }
}

/**
 * How many calls this worker may have under way: its share of what traffic leaves, once the others have come down to theirs.
 * From 1 on: a run goes on, one call at a time, whatever traffic has under way.
 */
export function roomOf({ calls }: Pick<Limit, 'calls'>, traffic: number, others: Others): number {
  const left = calls - traffic
  const taken = sum(others.map(({ underWay }) => underWay))
  const share = fairShare(
    left,
    others.map(({ wanted }) => wanted),
  )
  return Math.max(1, Math.floor(Math.min(share, left - taken)))
}

/** Max-min fair: who wants less than an equal share gets that, and the others share the rest alike. */
function fairShare(left: number, others: readonly number[]): number {
  let rest = left
  let takers = others.length + 1
  for (const wanted of others.toSorted((a, b) => a - b)) {
    if (wanted * takers >= rest) break
    rest -= wanted
    takers -= 1
  }
  return rest / takers
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
