import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { reportPairs } from '../../../../src/evals/similarity/bench-report.ts'
import { findPairSets, readPairs } from '../../../../src/evals/similarity/pairs.ts'

const PAIRS = [
  { a: 'A dog runs.', b: 'A dog runs.', score: 5 },
  { a: 'A dog runs fast.', b: 'A dog runs.', score: 4 },
  { a: 'A dog runs.', b: 'The hound is running.', score: 3.5 },
  { a: 'A dog sleeps.', b: 'A cat sleeps in the sun.', score: 2 },
  { a: 'A dog runs.', b: 'Rain falls on the roofs of the whole old town.', score: 0 },
]

test('models stand above the floors, each with its distance to the best of them in the same draws', () => {
  const models = [
    { model: 'local/right', dimensions: 256, msPerText: 1, cosines: [0.9, 0.8, 0.7, 0.4, 0.1] },
    { model: 'local/wrong', dimensions: 8, msPerText: 2, cosines: [0.1, 0.2, 0.3, 0.4, 0.5] },
  ]

  const { bestFloor, rows } = reportPairs('stsb', PAIRS, models)

  expect(rows.map(({ scorer }) => scorer)).toEqual([
    'local/right',
    'local/wrong',
    'shared_words',
    'shared_letters',
    'length',
  ])
  expect(bestFloor).toBe('shared_letters')
  const [right, wrong, words] = rows
  expect(right).toMatchObject({ spearman: 1, interval: { low: 1, high: 1 }, dimensions: 256 })
  expect(wrong?.spearman).toBe(-1)
  expect(words).toMatchObject({ difference: null, dimensions: null, isFloor: true })
  const best = rows.find(({ scorer }) => scorer === bestFloor)?.spearman ?? 0
  expect(right?.difference?.mean).toBeCloseTo(1 - best)
})

test('a folder without sets and rows that are none are told with the file, the line and what a row is', () => {
  const folder = mkdtempSync(join(tmpdir(), 'aval-pairs-'))
  try {
    expect(findPairSets(folder)).toEqual({ problems: [expect.stringContaining('no set here')] })
    writeFileSync(
      join(folder, 'stsb.jsonl'),
      '{"a":"x","b":"y","score":1}\n{"a":"x","b":"","score":1}\n{"a":"x","b":"y"}\n',
    )

    const found = findPairSets(folder)
    const read = 'sets' in found && found.sets[0] !== undefined ? readPairs(found.sets[0]) : found

    expect(read).toEqual({
      problems: [
        expect.stringMatching(/stsb\.jsonl.*2.*"b" is no text\. One row is/),
        expect.stringMatching(/stsb\.jsonl.*3.*"score" is no number/),
      ],
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
})
