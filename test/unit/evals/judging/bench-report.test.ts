import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { type RowJudgement, reportJudge } from '../../../../src/evals/judging/bench-report.ts'
import { type JudgedPair, readJudgedSet } from '../../../../src/evals/judging/judged-sets.ts'

const pair = (
  label: JudgedPair['label'],
  votes: JudgedPair['votes'] = [],
  a = 'one',
  b = 'two',
): JudgedPair => ({
  question: 'Which?',
  a,
  b,
  label,
  votes,
})
const says = (label: string, flipped = false): RowJudgement => ({ outcome: 'scored', label, flipped })
const rater = (figures: ReturnType<typeof reportJudge>, name: string) =>
  figures.rows.find((row) => row.rater === name)

describe('what a judge is worth', () => {
  test('is its agreement with people and the kappa of the table, worked by hand', () => {
    // Cohen 1960: observed 0.7; the judge says a 5 of 10 times, people 6: chance .5 · .6 + .5 · .4 = .5; kappa (.7 − .5) / .5.
    const rows = [...Array(6).fill(pair('a')), ...Array(4).fill(pair('b'))]
    const said = ['a', 'a', 'a', 'a', 'b', 'b', 'b', 'b', 'b', 'a'].map((label) => says(label))

    const judge = rater(reportJudge('ten', { kind: 'pairs', rows }, said), 'judge')

    expect(judge?.agreement?.share).toBeCloseTo(0.7, 12)
    expect(judge?.kappa?.estimate).toBeCloseTo(0.4, 12)
  })

  test('leaves out what was not judged, counts it with its commonest reason, and counts turned preferences', () => {
    const rows = ['a', 'b', 'tie', 'a', 'b'].map((label) => pair(label as JudgedPair['label']))
    const figures = reportJudge('five', { kind: 'pairs', rows }, [
      says('a'),
      says('tie', true),
      { outcome: 'error', reason: 'no JSON' },
      { outcome: 'error', reason: 'no JSON' },
      { outcome: 'abstained', reason: 'empty' },
    ])

    expect(figures).toMatchObject({
      drawn: 5,
      judged: 2,
      errors: 2,
      abstained: 1,
      flipped: 1,
      commonestReason: 'no JSON',
    })
    expect(rater(figures, 'judge')).toMatchObject({ rows: 2, agreement: { share: 0.5 } })
    expect(rater(figures, 'majority')?.rows).toBe(2)
  })

  test('stands beside the longer answer, the commonest label, and people among themselves', () => {
    const rows = [
      pair('a', ['a', 'b'], 'a longer one', 'short'),
      pair('b', ['b', 'b', 'b'], 'a longer one', 'short'),
      pair('a', ['a', 'a', 'a'], 'same', 'size'),
      pair('a', ['a'], 'alone', 'and one'),
    ]
    const figures = reportJudge('four', { kind: 'pairs', rows }, [says('a'), says('b'), says('a')])

    expect(rater(figures, 'longer')?.agreement?.share).toBeCloseTo(1 / 3, 12)
    expect(rater(figures, 'majority')).toMatchObject({ agreement: { share: 2 / 3 }, isFloor: true })
    // One pair of votes for each row that has two: that of the first row disagrees, whichever it is.
    expect(rater(figures, 'people')).toMatchObject({ rows: 3, agreement: { share: 2 / 3 } })
  })

  test('is nothing where nothing was judged', () => {
    const figures = reportJudge(
      'none',
      { kind: 'answers', rows: [{ contexts: ['x'], answer: 'y', label: 'supported' }] },
      [{ outcome: 'error', reason: 'gone' }],
    )

    expect(rater(figures, 'judge')).toEqual({
      rater: 'judge',
      isFloor: false,
      rows: 0,
      agreement: null,
      kappa: null,
    })
    expect(figures.flipped).toBeNull()
  })
})

describe('a file of a set', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'aval-judged-'))
    return () => rmSync(folder, { recursive: true, force: true })
  })
  const read = (...rows: object[]) => {
    const path = join(folder, 'set.jsonl')
    writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    return readJudgedSet({ name: 'set', path })
  }
  const PAIR = { question: 'q', a: 'x', b: 'y', label: 2, votes: [2, 0, 1], source: 'z' }
  const ANSWER = { context: 'c', response: 'r', label: 0 }

  test('holds pairs or answers', () => {
    expect(read(PAIR)).toEqual({
      set: { kind: 'pairs', rows: [{ question: 'q', a: 'x', b: 'y', label: 'b', votes: ['b', 'tie', 'a'] }] },
    })
    expect(read({ ...PAIR, a: true, b: 4 })).toMatchObject({ set: { rows: [{ a: 'true', b: '4' }] } })
    expect(read(ANSWER, { ...ANSWER, context: ['c', 'd'], label: 1 })).toEqual({
      set: {
        kind: 'answers',
        rows: [
          { contexts: ['c'], answer: 'r', label: 'unsupported' },
          { contexts: ['c', 'd'], answer: 'r', label: 'supported' },
        ],
      },
    })
  })

  test.each([
    ['both kinds', [PAIR, ANSWER], 'rows of both kinds'],
    ['a label of its own', [{ ...PAIR, label: 3 }], '"label" is none of 0, 1 and 2'],
    ['votes of its own', [{ ...PAIR, votes: ['a'] }], '"votes" is no list'],
    ['no question', [{ ...PAIR, question: null }], '"question" is no text'],
    ['no context', [{ ...ANSWER, context: undefined }], '"context" is no text'],
  ])('with %s is refused by line', (_what, rows, words) => {
    expect(JSON.stringify(read(...rows))).toContain(JSON.stringify(words).slice(1, -1))
  })
})
