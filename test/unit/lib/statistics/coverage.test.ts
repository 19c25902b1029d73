import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../../src/lib/random.ts'
import {
  AGREEMENT_CASES,
  CORRECTED_CASES,
  type CoverageCase,
  DIFFERENCE_CASES,
  MEAN_CASES,
  RARE_CASES,
  simulate,
} from '../../../support/coverage-cases.ts'

/** The true share lies within ±1 point of what is counted in 19 of 20 cases; `node bench/coverage.ts` counts more. */
const REPLICATIONS = 2000
const named = (cases: readonly CoverageCase[]) => cases.map((of) => [of.name, of] as const)

describe('an interval of a mean holds the truth as often as it says', () => {
  test.each(named(MEAN_CASES))('%s', (_name, of) => {
    const { covered } = simulate(of, seededRandom(1), REPLICATIONS)

    expect(covered).toBeGreaterThanOrEqual(of.atLeast)
    expect(covered).toBeLessThanOrEqual(of.atMost)
  })
})

describe('an interval of a difference holds the truth as often as it says, unless what matters is too rare to be seen', () => {
  test.each(named([...DIFFERENCE_CASES, ...RARE_CASES]))('%s', (_name, of) => {
    const { covered } = simulate(of, seededRandom(1), REPLICATIONS)

    expect(covered).toBeGreaterThanOrEqual(of.atLeast)
    expect(covered).toBeLessThanOrEqual(of.atMost)
  })
})

describe('a corrected rate leans to no side and its interval holds the truth', () => {
  test.each(named(CORRECTED_CASES))('%s', (_name, of) => {
    const { covered, bias } = simulate(of, seededRandom(1), 2 * REPLICATIONS)

    expect(Math.abs(bias)).toBeLessThan(0.003)
    expect(covered).toBeGreaterThanOrEqual(of.atLeast)
    expect(covered).toBeLessThanOrEqual(of.atMost)
  })
})

describe('an interval of agreement is at most two points narrower than it says', () => {
  test.each(named(AGREEMENT_CASES))('%s', (_name, of) => {
    const { covered } = simulate(of, seededRandom(1), REPLICATIONS)

    expect(covered).toBeGreaterThanOrEqual(of.atLeast)
    expect(covered).toBeLessThanOrEqual(of.atMost)
  })
})
