/**
 * `node bench/canary.ts [canaries]`: how much wider bounds for every look are than intervals for one, how often those of skewed
 * costs fail, and how soon made-up canaries are rolled back.
 */

import { seededRandom } from '../src/lib/random.ts'
import { bernoulliLowerBound, bernoulliUpperBound } from '../src/lib/statistics/bernoulli-sequence.ts'
import { beginBounded, boundedBounds, observe } from '../src/lib/statistics/bounded-sequence.ts'
import { binomialCdf } from '../src/lib/statistics/distributions.ts'
import type { Ends } from '../src/lib/statistics/ends.ts'
import { meanOf, studentInterval } from '../src/lib/statistics/mean.ts'
import { MEAN_FROM, meanBounds } from '../src/lib/statistics/mean-sequence.ts'
import { exactInterval } from '../src/lib/statistics/proportion.ts'
import { quantileRanks } from '../src/lib/statistics/quantile-sequence.ts'
import {
  FIRST_LOOK,
  GOOD_SCORES,
  HARMS,
  predictionOf,
  runCanary,
  STABLE,
} from '../test/support/canary-arms.ts'
import { gauss } from '../test/support/coverage-cases.ts'
import { sparseLooks } from '../test/support/every-look.ts'

const canaries = Number(process.argv[2] ?? 2_000)
const TAIL = 0.025
const SIZES = [100, 1_000, 10_000]
const width = ({ low, high }: Ends) => high - low
const times = <Value>(count: number, make: (at: number) => Value) =>
  Array.from({ length: count }, (_, at) => make(at))
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

/** Lower end by betting (Waudby-Smith and Ramdas 2024, section 4), by bisection over all values: what `boundedBounds` is measured against. */
function bettingLow(values: readonly number[], alpha: number): number {
  const wealthAt = (rate: number) => {
    let [wealth, sum, squares] = [0, 0, 0]
    for (const [at, value] of values.entries()) {
      const weight = Math.sqrt((2 * Math.log(1 / alpha)) / ((0.25 + squares) * Math.log(at + 2)))
      wealth += Math.log1p(Math.min(weight, 0.5 / rate) * (value - rate))
      sum += value
      squares += (value - (0.5 + sum) / (at + 2)) ** 2
    }
    return wealth
  }
  let [low, high] = [0, mean(values)]
  for (let step = 0; step < 30; step += 1) {
    const middle = (low + high) / 2
    if (wealthAt(middle) >= Math.log(1 / alpha)) low = middle
    else high = middle
  }
  return low
}

/** Ranks of the exact interval of a quantile for one look, as shares of the values. */
function quantileOnce(total: number, share: number): Ends {
  let [low, high] = [0, total]
  while (binomialCdf(low, total, share) <= TAIL) low += 1
  while (1 - binomialCdf(high - 1, total, share) <= TAIL) high -= 1
  return { low: low / total, high: (high + 1) / total }
}

function printWidths(): void {
  console.log('width of both sides together, each failing 2.5 %:      values    once   every look   times')
  const row = (name: string, size: number, once: number, always: number) =>
    console.log(
      `${name.padEnd(52)} ${String(size).padStart(8)} ${once.toFixed(4).padStart(7)} ${always.toFixed(4).padStart(12)} ${(always / once).toFixed(2).padStart(7)}`,
    )
  for (const size of SIZES) {
    const bounds = [bernoulliLowerBound, bernoulliUpperBound].map((of) => of(size / 20, size, TAIL))
    row('rate of 5 %', size, width(exactInterval(size / 20, size, 1 - 2 * TAIL)), bounds[1]! - bounds[0]!)
  }
  for (const size of SIZES) {
    const random = seededRandom(1)
    const scores = times(size, () => GOOD_SCORES[Math.floor(random() * GOOD_SCORES.length)]!)
    const bounds = boundedBounds(scores.reduce(observe, beginBounded(TAIL)))
    row('score, mean 0.81', size, width(studentInterval(meanOf(scores)!, 1 - 2 * TAIL)), width(bounds))
    row(
      '  its lower side, against betting',
      size,
      mean(scores) - bettingLow(scores, TAIL),
      mean(scores) - bounds.low,
    )
  }
  for (const size of SIZES) {
    const { low, high } = quantileRanks(size, 0.95, TAIL)
    row(
      '95th percentile, as a share of the values',
      size,
      width(quantileOnce(size, 0.95)),
      high > size ? Number.POSITIVE_INFINITY : (high - low) / size,
    )
  }
  for (const size of SIZES) {
    const { low, high } = meanBounds({ n: size, mean: 0, variance: 1 }, TAIL)
    row('mean, in standard deviations', size, (2 * 1.959964) / Math.sqrt(size), high - low)
  }
}

function printSkewedCosts(): void {
  const alpha = 0.05 / 12
  console.log(
    `\nbounds of log-normal costs ever fail, in parts of their α of ${alpha.toFixed(4)}, up to 5,000 costs:`,
  )
  for (const spread of [0.5, 0.75, 1, 1.3]) {
    const random = seededRandom(5)
    const truth = Math.exp((spread * spread) / 2)
    const failed = times(canaries, () => {
      let [n, sum, squares] = [0, 0, 0]
      const fails = { low: false, high: false }
      for (const look of sparseLooks(MEAN_FROM.low, 5_000, 1.15)) {
        for (; n < look; n += 1) {
          const value = Math.exp(spread * gauss(random))
          sum += value
          squares += value * value
        }
        const ends = meanBounds({ n, mean: sum / n, variance: (squares - (sum * sum) / n) / (n - 1) }, alpha)
        if (ends.low > truth) fails.low = true
        if (ends.high < truth) fails.high = true
      }
      return fails
    })
    const parts = (['low', 'high'] as const).map((side) =>
      (failed.filter((one) => one[side]).length / canaries / alpha).toFixed(2),
    )
    const deviation = Math.sqrt(Math.exp(spread * spread) - 1).toFixed(2)
    console.log(`  standard deviation of ${deviation} means: low ${parts[0]}, high ${parts[1]}`)
  }
}

function printCanaries(): void {
  const alarms = times(
    canaries,
    (seed) =>
      runCanary(STABLE, { seed, looks: sparseLooks(FIRST_LOOK, 1_600, 2) }).judgement.cause === 'harm',
  ).filter(Boolean).length
  console.log(
    `\n${alarms} of ${canaries} canaries of what is served already are rolled back, at α 0.05 and 6 metrics`,
  )
  console.log(
    'requests of the candidate until it is rolled back:           share  predicted  median  found by then',
  )
  for (const share of [0.5, 0.1]) {
    for (const harm of HARMS) {
      const predicted = predictionOf(harm, share) ?? 0
      const looks = sparseLooks(Math.ceil(predicted / 10), predicted, 1.1)
      const found = times(Math.ceil(canaries / 4), (seed) =>
        runCanary({ ...STABLE, ...harm.truth }, { seed, looks, stablePerRequest: (1 - share) / share }),
      )
        .filter(({ judgement }) => judgement.cause === 'harm')
        .map(({ requests }) => requests)
        .toSorted((one, other) => one - other)
      const part = ((100 * found.length) / Math.ceil(canaries / 4)).toFixed(1)
      console.log(
        `${harm.name.padEnd(58)} ${share.toFixed(1).padStart(6)} ${String(predicted).padStart(10)} ${String(found[Math.floor(found.length / 2)]).padStart(7)} ${part.padStart(10)} %`,
      )
    }
  }
}

printWidths()
printSkewedCosts()
printCanaries()
