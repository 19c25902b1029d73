import { expect, test } from 'vitest'
import { repeatSentences } from '../../../../src/evals/reports/repeats.ts'
import { reliabilityOf } from '../../../../src/evals/runs/reliability.ts'
import { verdictOf } from '../../../../src/evals/runs/verdict.ts'
import { measured, scorer } from '../../../support/measured-run.ts'

/** Items by how many of their three repeats passed; null where one was not judged. */
function items(passes: readonly (number | null)[]) {
  const run = measured([scorer()], { right: passes.map((count) => count && count / 3) })
  return (run.scores.get('right') ?? []).map((item, at) => ({
    ...item,
    scored: passes[at] === null ? 2 : 3,
    passRate: (passes[at] ?? 2) / 3,
  }))
}

test('an item passes always when all its repeats do, and ever when one does; what was not judged each time is left out', () => {
  const reliability = reliabilityOf({ name: 'right' }, items([3, 3, 2, 1, 0, null]), 3)

  expect(reliability).toMatchObject({
    repeats: 3,
    always: { estimate: 0.4, items: 5, method: 'wilson@1' },
    ever: { estimate: 0.8, items: 5 },
  })
})

test.each([
  ['without repeats', [3, 2], 1],
  ['without items', [], 3],
  ['without an item that was judged each time', [null, null], 3],
])('nothing is said %s', (_, passes, repeats) => {
  expect(reliabilityOf({ name: 'right' }, items(passes), repeats)).toBeNull()
})

test('a verdict over repeats says it in one sentence for each scorer', () => {
  const run = measured([scorer()], { right: [] })
  const of = {
    ...run,
    content: { ...run.content, repeats: 3 },
    scores: new Map([['right', items([3, 3, 2, 1, 0])]]),
  }

  expect(repeatSentences(verdictOf(of, null).scorers)).toEqual([
    expect.stringMatching(
      /^right: 0\.400 \[\.118 \.769\] of 5 items pass in all 3 repeats, 0\.800 \[\.376 \.964\] in at least one\.$/,
    ),
  ])
})
