import { expect, test } from 'vitest'
import { flipsOf, type Judged } from '../../../../src/evals/robustness/flips.ts'
import { seededRandom } from '../../../../src/lib/random.ts'
import { wilsonInterval } from '../../../../src/lib/statistics/proportion.ts'

const judged = (at: number, perturbation: string | null, passRate: number | null): Judged => ({
  itemId: perturbation === null ? `q${at}` : `q${at}~${perturbation}`,
  group: `q${at}`,
  perturbation,
  origin: perturbation === null ? null : `q${at}`,
  mean: passRate,
  passRate,
})
const flips = (items: readonly Judged[]) =>
  flipsOf({ scorer: 'right', scale: 'binary' }, items, () => seededRandom(1))

test('flips are counted both ways over pairs that both passed or failed, with Wilson’s interval', () => {
  const after = [1, 0, 0, 1, 1, 1, 1, 1, 1, null]
  const before = [1, 1, 1, 0, 1, 1, 1, 1, 1, 1]
  const items = [
    ...before.map((rate, at) => judged(at, null, rate)),
    ...after.map((rate, at) => judged(at, 'typos', rate)),
    // Its original is not in the run.
    judged(99, 'typos', 0),
  ]

  const [row, ...others] = flips(items)

  expect(others).toEqual([])
  expect(row).toMatchObject({ perturbation: 'typos', pairs: 10, decided: 9, nowFailing: 2, nowPassing: 1 })
  expect(row?.rate).toMatchObject({ estimate: 1 / 3, ...wilsonInterval(3, 9, 0.95), method: 'wilson@1' })
  expect(row?.difference?.estimate).toBeCloseTo(-1 / 9)
})

test('over repeats an item passes when most of them do, a tie not being a pass, as in the list of items', () => {
  const items = [judged(0, null, 1), judged(0, 'order', 0.5), judged(1, null, 0.4), judged(1, 'order', 0.6)]

  expect(flips(items)).toMatchObject([{ decided: 2, nowFailing: 1, nowPassing: 1 }])
})

test('names that items bring along make at most fifty rows, and none without a pair', () => {
  const items = Array.from({ length: 60 }, (_, at) => [
    judged(at, null, 1),
    judged(at, `own-${at}`, 1),
  ]).flat()

  expect(flips(items)).toHaveLength(50)
  expect(flips([{ ...judged(0, 'own', 1), origin: 'nowhere' }])).toEqual([])
})

test('without perturbed items there is no row, and without judgements no rate', () => {
  expect(flips([judged(0, null, 1)])).toEqual([])
  expect(flips([judged(0, null, 1), judged(0, 'order', null)])).toMatchObject([
    { pairs: 1, decided: 0, rate: null, difference: null },
  ])
})
