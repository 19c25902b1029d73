/** Made-up arms of a canary that grow request by request, and what becomes of whole canaries over them. */

import { seededRandom } from '../../src/lib/random.ts'
import { normalQuantile } from '../../src/lib/statistics/distributions.ts'
import type { Tally } from '../../src/lib/statistics/quantile-sequence.ts'
import { type Judgement, judgeCanary } from '../../src/promotion/canary/judge-canary.ts'
import type { Arm } from '../../src/promotion/canary/metrics.ts'
import { type Margins, type Plan, type Watch, watchesOf } from '../../src/promotion/canary/plan.ts'
import { type ExpectedHarm, predictedRequests } from '../../src/promotion/canary/predicted-requests.ts'

/** What is true of an arm. Times and costs are multiples of the stable ones; scores are drawn from the list. */
export type Truth = {
  errors: number
  refusals: number
  slower: number
  laterToBegin: number
  dearer: number
  scores: readonly number[]
}

const GRADES = 500
const logNormal = (scale: number, spread: number) =>
  Array.from({ length: GRADES }, (_, at) =>
    Math.round(scale * Math.exp(spread * normalQuantile((at + 0.5) / GRADES))),
  )
/** Milliseconds and micro-USD, each as likely. */
const TIMES = logNormal(800, 0.6)
const COSTS = logNormal(1_000, 1)

const times = <Value>(count: number, value: Value) => Array.from({ length: count }, () => value)
/** Grades of a judge: mean 0.8125, and 0.1 less. */
export const GOOD_SCORES = [...times(12, 1), ...times(4, 0.75), ...times(2, 0.5), 0.25, 0]
const WORSE_SCORES = [...times(8, 1), ...times(5, 0.75), ...times(4, 0.5), 0.25, 0.25, 0]

export const STABLE: Truth = {
  errors: 0.01,
  refusals: 0.03,
  slower: 1,
  laterToBegin: 1,
  dearer: 1,
  scores: GOOD_SCORES,
}

/** Before so many requests nothing is looked at. */
export const FIRST_LOOK = 100

const MARGINS = {
  errors: 0.01,
  refusals: 0.02,
  latency: { quantile: 0.95, ratio: 0.2 },
  ttft: { quantile: 0.5, ratio: 0.2 },
  cost: { ratio: 0.1 },
  quality: { answered: 0.03 },
}

/** Every metric watched, with margins as a careful policy has them. */
export const PLAN: Plan = {
  stages: [100, 1_000, 5_000],
  holdMs: 1_800_000,
  requestsMin: 200,
  maxWaitMs: 86_400_000,
  alpha: 0.05,
  advance: 'unharmed',
  margins: MARGINS,
}

/** An arm that grows to so many requests: each draws the figures that are watched; every second one is scored. */
function growingArm(
  truth: Truth,
  watched: ReadonlySet<string>,
  random: () => number,
): (requests: number) => Arm {
  const [latency, ttft] = [new Int32Array(GRADES), new Int32Array(GRADES)]
  const scores: number[] = []
  const seen = { requests: 0, errors: 0, refusals: 0, sum: 0, squares: 0 }
  const grade = () => Math.floor(random() * GRADES)
  const tallyOf = (counts: Int32Array, factor: number) => {
    const tally: { value: number; count: number }[] = []
    for (const [at, count] of counts.entries())
      if (count > 0) tally.push({ value: factor * TIMES[at]!, count })
    return tally
  }
  const draw = () => {
    if (watched.has('errors') && random() < truth.errors) seen.errors += 1
    if (watched.has('refusals') && random() < truth.refusals) seen.refusals += 1
    if (watched.has('latency')) latency[grade()]! += 1
    if (watched.has('ttft')) ttft[grade()]! += 1
    const cost = watched.has('cost') ? Math.round(truth.dearer * COSTS[grade()]!) : 0
    seen.sum += cost
    seen.squares += cost * cost
    if (watched.has('quality/answered') && seen.requests % 2 === 0)
      scores.push(truth.scores[Math.floor(random() * truth.scores.length)]!)
  }
  return (requests) => {
    for (; seen.requests < requests; seen.requests += 1) draw()
    return {
      requests,
      errors: seen.errors,
      refusals: seen.refusals,
      latency: tallyOf(latency, truth.slower),
      ttft: tallyOf(ttft, truth.laterToBegin),
      cost: { known: requests, unknown: 0, sum: BigInt(seen.sum), squares: BigInt(seen.squares) },
      quality: { answered: { values: [...scores], unknown: 0 } },
    }
  }
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const deviation = (values: readonly number[]) =>
  Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)))
const timesOfStable: Tally = TIMES.map((value) => ({ value, count: 1 }))

export type SimulatedHarm = {
  name: string
  metric: Watch['metric']
  truth: Partial<Truth>
  expected: ExpectedHarm
  margins: Margins
  sampled: number
}

/** One metric worse than its margin, and what `predictedRequests` is told of it. */
export const HARMS: readonly SimulatedHarm[] = [
  {
    name: 'an error rate of 6 % beside 1 %',
    metric: 'errors',
    margins: { errors: MARGINS.errors },
    truth: { errors: 0.06 },
    expected: { kind: 'share', stable: 0.01, candidate: 0.06, margin: 0.01 },
    sampled: 1,
  },
  {
    name: 'half as long again at the 95th percentile',
    metric: 'latency',
    margins: { latency: MARGINS.latency },
    truth: { slower: 1.5 },
    expected: { kind: 'quantile', quantile: 0.95, times: timesOfStable, factor: 1.5, margin: 0.2 },
    sampled: 1,
  },
  {
    name: 'half as long again until the median first token',
    metric: 'ttft',
    margins: { ttft: MARGINS.ttft },
    truth: { laterToBegin: 1.5 },
    expected: { kind: 'quantile', quantile: 0.5, times: timesOfStable, factor: 1.5, margin: 0.2 },
    sampled: 1,
  },
  {
    name: 'a cost of 1.4 times',
    metric: 'cost',
    margins: { cost: MARGINS.cost },
    truth: { dearer: 1.4 },
    expected: { kind: 'mean', factor: 1.4, variation: deviation(COSTS) / mean(COSTS), margin: 0.1 },
    sampled: 1,
  },
  {
    name: 'a score lower by 0.1, of every second request',
    metric: 'quality/answered',
    margins: { quality: MARGINS.quality },
    truth: { scores: WORSE_SCORES },
    expected: {
      kind: 'score',
      stable: mean(GOOD_SCORES),
      candidate: mean(WORSE_SCORES),
      deviation: deviation([...GOOD_SCORES, ...WORSE_SCORES]),
      margin: 0.03,
    },
    sampled: 0.5,
  },
]

const TRAFFIC = {
  alpha: PLAN.alpha,
  watched: watchesOf(PLAN.margins).length,
  stages: PLAN.stages.length,
}

/** A plan that watches this metric alone, with the α that it has among all. */
export function planOf({ margins }: SimulatedHarm): Plan {
  return { ...PLAN, alpha: PLAN.alpha / TRAFFIC.watched, margins }
}

export function predictionOf({ expected, sampled }: SimulatedHarm, share: number): number | null {
  return predictedRequests(expected, { ...TRAFFIC, share, sampled })
}

/** The last judgement of a canary's stage that is looked at whenever the candidate has had so many requests; harm ends it. */
export function runCanary(
  candidate: Truth,
  {
    seed,
    looks,
    plan = PLAN,
    stablePerRequest = 1,
  }: { seed: number; looks: readonly number[]; plan?: Plan; stablePerRequest?: number },
): { judgement: Judgement; requests: number } {
  // Seeds that follow one another would begin alike.
  const random = seededRandom(7_919 * seed)
  const watched = new Set<string>(watchesOf(plan.margins).map(({ metric }) => metric))
  const [growStable, growCandidate] = [STABLE, candidate].map((truth) => growingArm(truth, watched, random))
  let last: { judgement: Judgement; requests: number } | null = null
  for (const requests of looks) {
    const arms = {
      stable: growStable!(Math.round(stablePerRequest * requests)),
      candidate: growCandidate!(requests),
    }
    const judgement = judgeCanary(plan, arms, { stage: 0, stageMs: 0 })
    last = { judgement, requests }
    if (judgement.cause === 'harm') break
  }
  if (last === null) throw new Error('A canary needs a look.')
  return last
}
