import { describe, expect, test } from 'vitest'
import { forestsOf } from '../../../../src/evals/reports/forest.ts'
import { forestKey, forestLines } from '../../../../src/evals/reports/forest-text.ts'
import { alone, answered, estimate, grounded, verdict, words } from '../../../support/eval-report.ts'

const of = (scorers: (typeof grounded)[]) => forestsOf({ ...verdict, scorers })

describe('forest plots', () => {
  test('show differences with the margin to the left of nought, and estimates where a bar is demanded', () => {
    const forests = of([grounded, answered])

    expect(
      forests.map((forest) => [forest.of, forest.rows.map(({ scorer, marks }) => [scorer, marks])]),
    ).toEqual([
      [
        'difference',
        [
          ['grounded', []],
          ['answered', [-0.02]],
        ],
      ],
      ['estimate', [['grounded', [0.9]]]],
    ])
    expect(forests[0]?.rows[1]).toMatchObject({
      estimate: -0.013,
      low: -0.036,
      high: 0.01,
      decided: { low: -0.032, high: 0.006 },
      verdict: 'inconclusive',
    })
  })

  test('turn what is better when lower, so that right is better in every row', () => {
    const [difference] = of([words])

    expect(difference?.rows).toMatchObject([{ isTurned: true, estimate: 12.5, low: 10, high: 15 }])
  })

  test('give a scorer with a unit of its own an axis of its own', () => {
    expect(of([grounded, words, answered]).map(({ of: what, rows }) => [what, rows.length])).toEqual([
      ['difference', 2],
      ['difference', 1],
      ['estimate', 1],
    ])
  })

  test('without a baseline show every estimate, within what a share can be', () => {
    const certain = { ...alone(grounded), gates: [], estimate: estimate(1, 0.99, 1) }

    const [shares, own] = of([certain, alone(words)])

    expect(shares).toMatchObject({ of: 'estimate', high: 1 })
    expect(own).toMatchObject({ of: 'estimate', scale: 'unbounded' })
  })

  test('are empty when nothing was judged', () => {
    expect(of([{ ...grounded, estimate: null, compared: null }])).toEqual([])
  })

  test('have round ticks within the axis, a few of them', () => {
    for (const forest of of([grounded, answered, words])) {
      expect(forest.ticks.length).toBeGreaterThanOrEqual(2)
      expect(forest.ticks.length).toBeLessThanOrEqual(7)
      for (const tick of forest.ticks) {
        expect(tick).toBeGreaterThanOrEqual(forest.low)
        expect(tick).toBeLessThanOrEqual(forest.high)
      }
    }
  })
})

describe('a forest plot in characters', () => {
  test('puts interval, decision, margin and nought on one line', () => {
    const lines = of([answered]).flatMap((forest) => forestLines(forest, 60))

    expect(lines).toEqual([
      'difference, right is better',
      'answered    ──═════════┊════●═══════│═════──    inconclusive',
      '              -0.03  -0.02  -0.01   0    +0.01',
    ])
  })

  test('shows where an end is off the axis', () => {
    const open = { ...words, compared: null, estimate: estimate(81, -Infinity, Infinity) }

    const [, line] = of([open]).flatMap((forest) => forestLines(forest, 60))

    expect(line).toMatch(/^words {2}<─+●─+>$/)
  })

  test('draws a value without any width in the middle of its axis', () => {
    const same = { ...alone(grounded), gates: [], estimate: estimate(0.5, 0.5, 0.5) }

    const [, line] = of([same]).flatMap((forest) => forestLines(forest, 60))

    expect(line).toMatch(/^grounded {10,}●$/)
  })

  test('explains the characters that it uses, and no others', () => {
    expect(forestKey(of([alone(words)]))).toBe('● estimate, ─ 95 % interval')
    expect(forestKey(of([answered]))).toBe(
      '● estimate, ─ 95 % interval, ═ what the gate decides on, ┊ -margin, │ no difference',
    )
  })
})
