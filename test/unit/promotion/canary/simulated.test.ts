import { describe, expect, test } from 'vitest'
import { FIRST_LOOK, HARMS, planOf, predictionOf, runCanary, STABLE } from '../../../support/canary-arms.ts'
import { sparseLooks } from '../../../support/every-look.ts'

/** What is left out between looks can only make a false alarm rarer, as bounds hold at all of them. */
const LOOKS = sparseLooks(FIRST_LOOK, 1_600, 2)

function rolledBack(candidate: typeof STABLE, firstSeed: number): number {
  const seeds = Array.from({ length: 500 }, (_, at) => firstSeed + at)
  return seeds.filter((seed) => runCanary(candidate, { seed, looks: LOOKS }).judgement.cause === 'harm')
    .length
}

test.each([0, 500, 1_000, 1_500])(
  'of 2,000 canaries of what is served already at most α are rolled back: 500 from %d on',
  (firstSeed) => {
    expect(rolledBack(STABLE, firstSeed) / 500).toBeLessThanOrEqual(0.05)
  },
)

test('of 500 candidates that are worse by exactly the margin, in five of six metrics, at most α are rolled back', () => {
  const candidate = { ...STABLE, errors: 0.02, refusals: 0.05, slower: 1.2, laterToBegin: 1.2, dearer: 1.1 }

  expect(rolledBack(candidate, 2_000) / 500).toBeLessThanOrEqual(0.05)
})

describe.each([0.5, 0.1])('with %d of the traffic', (share) => {
  test.each(HARMS)('$name is found within the requests that were predicted, in nine of ten', (harm) => {
    const predicted = predictionOf(harm, share)!
    const looks = sparseLooks(Math.ceil(predicted / 4), predicted, 1.25)
    const canaries = 300
    const found = Array.from({ length: canaries }, (_, seed) =>
      runCanary(
        { ...STABLE, ...harm.truth },
        { seed, looks, plan: planOf(harm), stablePerRequest: (1 - share) / share },
      ),
    ).filter(({ judgement }) =>
      judgement.metrics.some(({ metric, state }) => metric === harm.metric && state === 'harmful'),
    )

    expect(found.length / canaries).toBeGreaterThanOrEqual(0.9)
    // Not found long before either: the prediction says something.
    expect(found.filter(({ requests }) => requests <= looks[0]!).length / canaries).toBeLessThan(0.5)
  })
})
