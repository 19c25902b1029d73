import { describe, expect, test } from 'vitest'
import { type ComparedRun, compareItems, withAnswers } from '../../../../src/evals/reports/items.ts'
import type { ItemScores, JudgedRow, ScoreRow } from '../../../../src/evals/runs/result-rows.ts'

type Judged = number | 'abstained' | 'error'

function row(position: number, judged: Record<string, Judged>, output = 'out', repeat = 0): JudgedRow {
  const scores = Object.entries(judged).map(
    ([scorer, value]): ScoreRow => ({
      scorer,
      version: 1,
      outcome: typeof value === 'number' ? 'scored' : value,
      value: typeof value === 'number' ? value : null,
      passed: typeof value === 'number' && scorer !== 'length' ? value >= 0.5 : null,
      reason: `${scorer} ${value}`,
      details: null,
      cost: '0',
      cachedFrom: null,
      cachedAt: null,
    }),
  )
  const result = {
    position,
    repeat,
    outcome: 'answered' as const,
    requestId: null,
    output,
    toolCalls: '[]',
    contexts: '[]',
    retrieved: null,
    finishReason: 'stop',
    latencyMs: 5,
    cost: null,
    free: true,
    errorCode: null,
    error: null,
    tries: 1,
    cachedFrom: null,
    cachedAt: null,
  }
  return { position, repeat, itemId: `item-${position}`, result, scores }
}

/** As the database sums up the rows of a run: over the repeats of each item, by scorer. `hashes` are of items that were changed. */
function run(id: string, rows: JudgedRow[], hashes: Record<string, string> = {}): ComparedRun {
  const scores = new Map<string, ItemScores[]>()
  const names = new Set(rows.flatMap((one) => one.scores.map(({ scorer }) => scorer)))
  for (const scorer of names) {
    const positions = [...new Set(rows.map(({ position }) => position))]
    scores.set(
      scorer,
      positions.map((position) => {
        const own = rows
          .filter((one) => one.position === position)
          .flatMap((one) => one.scores.filter((score) => score.scorer === scorer))
        const count = (outcome: string) => own.filter((score) => score.outcome === outcome).length
        const itemId = `item-${position}`
        return {
          position,
          itemId,
          hash: hashes[itemId] ?? 'same',
          group: null,
          scorer,
          mean: mean(own.flatMap(({ value }) => value ?? [])),
          passRate: mean(own.flatMap(({ passed }) => (passed === null ? [] : Number(passed)))),
          variance: null,
          scored: count('scored'),
          abstained: count('abstained'),
          errors: count('error'),
        }
      }),
    )
  }
  return { id, scores }
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length
}

describe('runs item by item', () => {
  test('tell what newly fails, passes, is judged no longer, or only moved', () => {
    const base = run('a', [
      row(0, { ok: 1 }),
      row(1, { ok: 0 }),
      row(2, { ok: 1 }),
      row(3, { ok: 0.6 }),
      row(4, { ok: 0.7 }),
    ])
    const other = run('b', [
      row(0, { ok: 0.2 }),
      row(1, { ok: 1 }),
      row(2, { ok: 'error' }),
      row(3, { ok: 0.8 }),
      row(4, { ok: 0.7 }),
    ])

    const { items, scorers, runs } = compareItems([base, other])

    expect(runs).toEqual(['a', 'b'])
    expect(items.map(({ itemId, scores }) => [itemId, scores[0]?.kind, scores[0]?.change])).toEqual([
      ['item-0', 'newly failing', expect.closeTo(-0.8, 10)],
      ['item-2', 'no longer judged', null],
      ['item-1', 'newly passing', 1],
      ['item-3', 'changed', expect.closeTo(0.2, 10)],
    ])
    expect(scorers).toEqual([
      {
        scorer: 'ok',
        compared: 5,
        counts: { failing: 0, 'newly failing': 1, 'no longer judged': 1, 'newly passing': 1, changed: 1 },
      },
    ])
  })

  test('take the mean and the majority over repeats, a tie not being a pass', () => {
    const base = run('a', [
      ...[row(0, { ok: 1 }), row(0, { ok: 1 }, 'out', 1), row(0, { ok: 0 }, 'out', 2)],
      ...[row(1, { ok: 1 }), row(1, { ok: 1 }, 'out', 1)],
    ])
    const other = run('b', [
      ...[row(0, { ok: 1 }), row(0, { ok: 'abstained' }, 'out', 1)],
      ...[row(1, { ok: 1 }), row(1, { ok: 0 }, 'out', 1)],
    ])

    const { items } = compareItems([base, other])

    expect(items.map(({ itemId, scores }) => [itemId, scores[0]?.kind, scores[0]?.scores])).toEqual([
      [
        'item-1',
        'newly failing',
        [
          { mean: 1, passed: true },
          { mean: 0.5, passed: false },
        ],
      ],
      [
        'item-0',
        'changed',
        [
          { mean: expect.closeTo(2 / 3, 10), passed: true },
          { mean: 1, passed: true },
        ],
      ],
    ])
  })

  test('compare every further run with the first and name what moved most', () => {
    const runs = ['a', 'b', 'c'].map((id, at) => run(id, [row(0, { length: [10, 12, 3][at] ?? 0 })]))

    const { items } = compareItems(runs)

    expect(items[0]?.scores).toEqual([
      {
        scorer: 'length',
        kind: 'changed',
        change: -7,
        scores: [10, 12, 3].map((mean) => ({ mean, passed: null })),
      },
    ])
  })

  test('of one run alone are those that fail', () => {
    const { items, scorers } = compareItems([
      run('a', [row(0, { ok: 1 }), row(1, { ok: 0 }), row(2, { length: 7 })]),
    ])

    expect(items.map(({ itemId, scores }) => [itemId, scores[0]?.kind])).toEqual([['item-1', 'failing']])
    expect(scorers.map(({ scorer, compared, counts }) => [scorer, compared, counts.failing])).toEqual([
      ['length', 1, 0],
      ['ok', 2, 1],
    ])
  })

  test('leave out items that only one run has or whose content differs', () => {
    const base = run('a', [row(0, { ok: 1 }), row(1, { ok: 1 }), row(2, { ok: 1 })])
    const rows = [row(1, { ok: 0 }), row(2, { ok: 0 }), row(3, { ok: 0 })]
    const other = run('b', rows, { 'item-2': 'changed' })

    const { items, scorers } = compareItems([base, other])

    expect(items.map(({ itemId }) => itemId)).toEqual(['item-1'])
    expect(scorers[0]?.compared).toBe(1)
  })

  test('leave out scorers that judge by other rules', () => {
    const base = run('a', [row(0, { ok: 1, length: 7 })])
    const other = run('b', [row(0, { ok: 0, length: 9 })])

    const { items, scorers } = compareItems([base, other], new Set(['length']))

    expect(scorers.map(({ scorer }) => scorer)).toEqual(['length'])
    expect(items[0]?.scores.map(({ scorer }) => scorer)).toEqual(['length'])
  })

  test('show at most 10 of each scorer and 50 in all, and count the rest', () => {
    const names = Array.from({ length: 8 }, (_, at) => `s${at}`)
    const rows = (value: number) =>
      Array.from({ length: 200 }, (_, at) => row(at, { [names[at % 8] ?? '']: value }))

    const { items, scorers } = compareItems([run('a', rows(1)), run('b', rows(0))])

    expect(items.length).toBe(50)
    expect(scorers.map(({ counts }) => counts['newly failing'])).toEqual(names.map(() => 25))
    const shown = names.map((name) => items.filter(({ scores }) => scores[0]?.scorer === name).length)
    expect(Math.max(...shown) - Math.min(...shown)).toBeLessThanOrEqual(1)
  })

  test('get the answers of the items that are shown, shortened', () => {
    const before = [row(0, { ok: 1 }, 'good'), row(1, { ok: 1 }, 'kept')]
    const after = [row(0, { ok: 0 }, 'x'.repeat(5_000)), row(1, { ok: 1 }, 'kept')]
    const calls = { ...row(0, { ok: 1 }, '').result, toolCalls: '[{"name":"find"}]' }
    const compared = compareItems([run('a', before), run('b', after)])

    const first = withAnswers(compared, 'a', [{ ...row(0, { ok: 1 }), result: calls }, ...before])
    const both = withAnswers(first, 'b', after)

    expect(compared.items[0]?.answers).toEqual([null, null])
    expect(both.items[0]?.answers).toEqual([
      {
        output: '[{"name":"find"}]',
        error: null,
        reasons: [{ scorer: 'ok', outcome: 'scored', reason: 'ok 1' }],
      },
      {
        output: `${'x'.repeat(3_999)}…`,
        error: null,
        reasons: [expect.objectContaining({ reason: 'ok 0' })],
      },
    ])
  })
})
