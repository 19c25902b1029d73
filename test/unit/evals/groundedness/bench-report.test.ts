import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { drawAurocs } from '../../../../src/evals/groundedness/auroc-interval.ts'
import {
  reportSets,
  type ScoredAnswer,
  type ScoredSet,
} from '../../../../src/evals/groundedness/bench-report.ts'
import { scoreSet } from '../../../../src/evals/groundedness/bench-set.ts'
import { FLOORS, type Floors } from '../../../../src/evals/groundedness/floors.ts'
import { findSets, readSet } from '../../../../src/evals/groundedness/sets.ts'
import { seededRandom } from '../../../../src/lib/random.ts'
import { endsOf } from '../../../../src/lib/statistics/draws.ts'
import { wordEmbed } from '../../../support/groundedness.ts'

const flat = Object.fromEntries(FLOORS.map((name) => [name, 0])) as Floors
const answer = (isSupported: boolean, score: number, unigram: number, group: string): ScoredAnswer => ({
  isSupported,
  group,
  score,
  probability: 1 / (1 + Math.exp(-score)),
  floors: { ...flat, unigram },
})
const set = (name: string, answers: ScoredAnswer[]): ScoredSet => ({
  set: name,
  answers,
  rows: answers.length + 1,
  msPerItem: 2,
})
/** AUROC of the score 3/4, of unigram 1/2 (one pair right, one wrong, two tied). */
const toy = (name: string) =>
  set(name, [
    answer(true, 2, 0.9, 'a'),
    answer(true, 0.5, 0.3, 'b'),
    answer(false, 1, 0.9, 'a'),
    answer(false, -1, 0.3, 'b'),
  ])

describe('a report', () => {
  test('has the AUROC worked by hand, the difference to each floor, and the best floor', () => {
    const [figures] = reportSets([toy('toy')], 200)

    expect(figures).toMatchObject({
      set: 'toy',
      rows: 5,
      scored: 4,
      unsupported: 2,
      groups: 2,
      bestFloor: 'unigram',
    })
    expect(figures?.figures[0]).toMatchObject({
      scorer: 'grounded',
      auroc: 0.75,
      difference: null,
      balancedAccuracy: 0.75,
    })
    expect(figures?.figures[1]).toMatchObject({ scorer: 'unigram', auroc: 0.5, calibrationError: null })
    expect(figures?.figures[1]?.difference?.mean).toBeCloseTo(0.25, 9)
  })

  test('takes the threshold of a floor from the other sets, and has none without another', () => {
    const alone = reportSets([toy('toy')], 50)
    const other = set('other-one', [answer(true, 1, 0.95, 'x'), answer(false, 0, 0.1, 'y')])

    const [beside] = reportSets([toy('toy'), other], 50)

    expect(alone[0]?.figures[1]?.balancedAccuracy).toBeNull()
    // The best threshold there is 0.95, which nothing here reaches.
    expect(beside?.figures[1]?.balancedAccuracy).toBe(0.5)
  })

  test('averages the sets of a kind, each the same, after them', () => {
    const perfect = set('toy-b', [
      answer(true, 1, 1, 'x'),
      answer(false, -1, 0, 'y'),
      answer(true, 1, 1, 'z'),
    ])

    const report = reportSets([toy('toy-a'), perfect], 100)

    expect(report.map((one) => one.set)).toEqual(['toy-a', 'toy-b', 'toy (2 sets)'])
    expect(report[2]?.figures[0]?.auroc).toBeCloseTo((0.75 + 1) / 2, 9)
    expect(report[2]).toMatchObject({ scored: 7, unsupported: 3, msPerItem: 2 })
  })

  test('has no AUROC for a set with one label, and does not fail', () => {
    const [figures] = reportSets([set('one', [answer(true, 1, 1, 'x'), answer(true, 0, 1, 'y')])], 20)

    expect(figures?.figures[0]).toMatchObject({ auroc: null, interval: null })
    expect(figures?.bestFloor).toBeNull()
  })
})

describe('draws of AUROCs', () => {
  test('draw groups, not items: with one group every draw is the whole', () => {
    const [draws] = drawAurocs([[2, 0.5, 1, -1]], [true, true, false, false], ['a', 'a', 'a', 'a'], {
      random: seededRandom(1),
      resamples: 20,
    })

    expect([...(draws ?? [])]).toEqual(Array(20).fill(0.75))
    expect(endsOf(draws ?? [])).toEqual({ low: 0.75, high: 0.75 })
  })

  test('hold the AUROC and get narrower with more groups', () => {
    const width = (groups: number) => {
      const random = seededRandom(3)
      const labels = Array.from({ length: groups * 2 }, (_, at) => at % 2 === 0)
      const scores = labels.map((label) => random() + (label ? 0.3 : 0))
      const names = labels.map((_, at) => String(Math.floor(at / 2)))
      const ends = endsOf(
        drawAurocs([scores], labels, names, { random: seededRandom(1), resamples: 300 })[0] ?? [],
      )
      return (ends?.high ?? 0) - (ends?.low ?? 0)
    }

    expect(width(400)).toBeLessThan(width(50) / 2)
  })

  test('throw for a score too few', () => {
    expect(() => drawAurocs([[1]], [true, false], ['a', 'b'], { random: seededRandom(1) })).toThrow(
      RangeError,
    )
  })
})

describe('a folder of sets', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'aval-sets-'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('that is not there, or holds no set, is told so with what a set is', () => {
    expect(findSets(join(folder, 'none'))).toEqual({
      problems: [expect.stringContaining('cannot be read (ENOENT)')],
    })
    expect(findSets(folder)).toEqual({ problems: [expect.stringContaining('One is a file <name>.jsonl')] })
  })

  test('is read, scored and reported as a whole', async () => {
    const rows = [
      { context: 'Acme bought 12 boats.', response: 'Acme bought 12 boats.', label: 1, group: 'a' },
      { context: ['Acme bought 12 boats.'], response: 'Ajax sold 90 llamas.', label: 0 },
      { context: 'Acme bought 12 boats.', response: 'I am unable to answer that.', label: 1, group: 'a' },
    ]
    writeFileSync(
      join(folder, 'own-set.jsonl.gz'),
      gzipSync(rows.map((row) => JSON.stringify(row)).join('\n')),
    )
    const found = findSets(folder)
    if ('problems' in found || found.sets[0] === undefined) throw new Error('No set.')
    const read = readSet(found.sets[0])
    if ('problems' in read) throw new Error(read.problems.join())
    const steps: number[] = []
    let ms = 0
    const nowMs = () => {
      ms += 5
      return ms
    }

    const scored = await scoreSet(
      {
        embed: wordEmbed,
        detector: null,
        nowMs,
        signal: new AbortController().signal,
        onRow: (done) => steps.push(done),
      },
      'own-set',
      read.rows,
    )

    expect(read.rows.map(({ group }) => group)).toEqual(['a', 'row 2', 'a'])
    expect(scored).toMatchObject({ rows: 3, msPerItem: 5, isHeldOut: false })
    expect(steps).toEqual([1, 2, 3])
    expect(reportSets([scored], 20)[0]?.figures[0]?.auroc).toBe(1)
  })

  test.each([
    ['{"response": "a", "label": 1}', '"context" is no text'],
    ['{"context": "a", "label": 1}', '"response" is no text'],
    ['{"context": "a", "response": "b", "label": true}', '"label" is neither 0 nor 1'],
    ['a b', 'not a JSON object'],
  ])('with the row %s is told what is wrong, and in which line', (line, why) => {
    const path = join(folder, 'bad.jsonl')
    writeFileSync(path, `{"context": "a", "response": "b", "label": 0}\n${line}\n`)

    expect(readSet({ name: 'bad', path })).toEqual({ problems: [expect.stringContaining(`line 2: ${why}`)] })
  })
})
