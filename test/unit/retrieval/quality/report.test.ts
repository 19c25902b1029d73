import { describe, expect, test } from 'vitest'
import { measureRun } from '../../../../src/retrieval/quality/metrics.ts'
import { notesOf, qualityJson, qualityText, reportSet } from '../../../../src/retrieval/quality/report.ts'

const IDS = Array.from({ length: 40 }, (_, at) => `q${at}`)
const judgements = new Map(IDS.map((id) => [id, new Map([['right', 1]])]))
/** Finds the document at the rank that `rankOf` says. */
const run = (rankOf: (at: number) => number, judged = judgements) =>
  measureRun(
    new Map(
      IDS.map((id, at) => [id, [...Array.from({ length: rankOf(at) - 1 }, (_, n) => `wrong ${n}`), 'right']]),
    ),
    judged,
    5,
  )
const settings = { set: 'wiki', baseline: 'text', resamples: 500 }
const rows = [
  { name: 'text', run: run((at) => 1 + (at % 3)) },
  { name: 'vector', run: run((at) => 1 + ((at + 1) % 3)) },
  { name: 'hybrid', run: run(() => 1) },
]

describe('a report', () => {
  test('shows every row with its intervals and every difference to the baseline', () => {
    const text = qualityText([reportSet({ ...settings, rows })])

    const cell = String.raw`\d\.\d{3} \[\d\.\d{3}, \d\.\d{3}\]`
    const difference = String.raw`[+-]\d\.\d{3} \[[+-]\d\.\d{3}, [+-]\d\.\d{3}\] p [<\d.]+`
    const line = (name: string, ...cells: string[]) =>
      expect.stringMatching(new RegExp(`^${[name, ...cells].join(' {2,}')}$`))
    expect(text.split('\n')).toEqual([
      'wiki: 40 queries, means with 95 % intervals',
      '',
      '        nDCG@10               recall@5              MRR                   precision@5',
      line('text', cell, cell, cell, cell),
      line('vector', cell, cell, cell, cell),
      line('hybrid', cell, cell, cell, cell),
      '',
      line('minus text', 'vector', 'hybrid'),
      line('nDCG@10', difference, difference),
      line('recall@5', difference, difference),
      line('MRR', difference, difference),
      line('precision@5', difference, difference),
      '',
      'vector and text: the interval of nDCG@10, recall@5, MRR, precision@5 includes 0; 40 queries do not tell them apart there.',
      'hybrid and text: the interval of recall@5, precision@5 includes 0; 40 queries do not tell them apart there.',
      '',
    ])
    expect(text).toContain('hybrid  1.000 [1.000, 1.000]')
    expect(text).toMatch(/nDCG@10 .* \+0\.2\d\d \[\+0\.\d{3}, \+0\.\d{3}\] p 0\.002\n/)
  })

  test('says the same to programs', () => {
    const [json] = qualityJson([reportSet({ ...settings, rows, seed: 9 })])

    expect(json).toMatchObject({
      set: 'wiki',
      k: 5,
      queries: 40,
      groups: 40,
      without_relevant: 0,
      baseline: 'text',
      confidence: 0.95,
      resamples: 500,
      seed: 9,
      rows: [
        { name: 'text', unanswered: 0 },
        { name: 'vector' },
        { name: 'hybrid', ndcg_at_10: { mean: 1 } },
      ],
      differences: [
        { name: 'vector', mrr: { includes_zero: true } },
        { name: 'hybrid', ndcg_at_10: { includes_zero: false }, recall_at_k: { mean: 0, p: 1 } },
      ],
    })
    expect(JSON.parse(JSON.stringify(json))).toEqual(json)
  })

  test('gives each figure its own numbers, whatever else it holds', () => {
    const whole = reportSet({ ...settings, rows })
    const part = reportSet({ ...settings, rows: rows.slice(0, 2) })

    expect(part.rows[1]).toEqual(whole.rows[1])
    expect(part.differences[0]).toEqual(whole.differences[0])
  })

  test('draws groups where the queries have them', () => {
    const groups = new Map(IDS.slice(0, 30).map((id, at) => [id, String(at % 10)]))

    const report = reportSet({ ...settings, rows, groups })

    expect(report).toMatchObject({ queries: 40, groups: 20 })
    expect(qualityText([report])).toMatch(/^wiki: 20 groups of 40 queries/)
    expect(notesOf(report)).toContain(
      'Only 20 groups to draw from: the intervals are narrower than they say.',
    )
  })

  test('says what was left out and what was not answered', () => {
    const judged = new Map([
      ...judgements,
      ['none', new Map([['right', 0]])],
      ['silent', new Map([['right', 1]])],
    ])
    const report = reportSet({ ...settings, rows: [{ name: 'text', run: run(() => 1, judged) }] })

    expect(notesOf(report)).toEqual([
      'Left out: 1 judged query without a relevant document.',
      'text: 1 query without an answer, counted as 0.',
    ])
    expect(qualityText([report])).not.toContain('minus')
  })

  test('of nothing measurable says so instead of NaN', () => {
    const nothing = new Map([['q0', new Map([['right', 0]])]])
    const report = reportSet({ ...settings, rows: [{ name: 'text', run: run(() => 1, nothing) }] })

    expect(qualityText([report])).toContain(
      'wiki: no query has a relevant document, so nothing was measured.',
    )
    expect(JSON.stringify(qualityJson([report]))).not.toMatch(/NaN|"mean":null/)
    expect(report.rows[0]?.metrics.ndcg).toBeNull()
  })

  test('refuses a baseline that is no row, and rows over different queries', () => {
    const fewer = run(() => 1, new Map([...judgements].slice(1)))

    expect(() => reportSet({ ...settings, rows, baseline: 'bm25' })).toThrow(/no row is called "bm25"/)
    expect(() => reportSet({ ...settings, rows: [...rows, { name: 'other', run: fewer }] })).toThrow(
      /"text" and "other" measure different queries/,
    )
  })
})
