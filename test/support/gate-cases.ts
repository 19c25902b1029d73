/** Made-up comparisons of a candidate whose true difference is known, to count a gate's verdicts: for tests and `bench/coverage.ts`. */

import { compareWithMargin } from '../../src/lib/statistics/non-inferiority.ts'
import type { Random } from '../../src/lib/statistics/resample.ts'
import { gauss } from './coverage-cases.ts'

type Runs = { baseline: number[]; other: number[] }

export type GateCase = { name: string; margin: number; once: (random: Random) => Runs }

/** Shares of verdicts. */
export function verdicts(
  { margin, once }: GateCase,
  random: Random,
  replications: number,
  resamples = 199,
): { pass: number; fail: number } {
  const counts = { pass: 0, fail: 0, inconclusive: 0 }
  for (let replication = 0; replication < replications; replication += 1) {
    const { baseline, other } = once(random)
    counts[compareWithMargin(baseline, other, { scale: 'share', margin, random, resamples }).verdict] += 1
  }
  return { pass: counts.pass / replications, fail: counts.fail / replications }
}

const many = (count: number, make: () => number) => Array.from({ length: count }, make)
const noise = (random: Random) => Math.max(-3, Math.min(3, gauss(random)))

/** Pairs of rights and wrongs: won with the chance `won`, lost with the chance `lost`. */
export function rightsAndWrongs(items: number, won: number, lost: number, margin: number): GateCase {
  return {
    name: `rights and wrongs, ${items} items`,
    margin,
    once: (random) => {
      const differences = many(items, () => {
        const uniform = random()
        return uniform < won ? 1 : uniform < won + lost ? -1 : 0
      })
      return {
        baseline: differences.map((of) => (of > 0 ? 0 : 1)),
        other: differences.map((of) => (of < 0 ? 0 : 1)),
      }
    },
  }
}

/** Scores of a baseline, and the same with a shift and noise. */
function scores(items: number, shift: number): GateCase {
  return {
    name: `scores, ${items} items`,
    margin: -shift,
    once: (random) => {
      const baseline = many(items, () => 0.5 + 0.1 * noise(random))
      return { baseline, other: baseline.map((value) => value + shift + 0.04 * noise(random)) }
    },
  }
}

/** A score that the candidate loses in one item of twenty, half of it on average. */
function rareLosses(items: number): GateCase {
  return {
    name: `rare large losses, ${items} items`,
    margin: 0.05 * 0.5,
    once: (random) => {
      const other = many(items, () => (random() < 0.05 ? 1 - 0.5 * (0.5 + random()) : 1))
      return { baseline: other.map(() => 1), other }
    },
  }
}

/** Candidates that are worse by exactly the margin: they should pass one time in twenty at most. */
export const AT_THE_MARGIN: readonly GateCase[] = [
  rightsAndWrongs(60, 0.05, 0.15, 0.1),
  rightsAndWrongs(300, 0.06, 0.11, 0.05),
  scores(40, -0.02),
  rareLosses(60),
  rareLosses(200),
]
