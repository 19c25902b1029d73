/** `aval bench groundedness` as a person runs it, with the embedding model that ships. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { runAval } from '../../support/process.ts'

const LIMIT_MS = 120_000

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aval-bench-groundedness-'))
  mkdirSync(join(folder, 'sets'))
  const context = 'The ferry to Oslo leaves at 9. It carries 40 cars and never sails at night.'
  const rows = [
    { context, response: 'The ferry to Oslo leaves at 9.', label: 1 },
    { context, response: 'It carries 40 cars.', label: 1 },
    { context, response: 'The ferry to Bergen leaves at 11.', label: 0 },
    { context, response: 'Its kitchen serves 70 kinds of soup.', label: 0 },
  ]
  writeFileSync(join(folder, 'sets', 'ferry.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'))
  return () => rmSync(folder, { recursive: true, force: true })
})

test(
  'prints the scorer with the floors below it, for people and for programs',
  async () => {
    const words = ['bench', 'groundedness', '--data', 'sets']

    const [text, json] = await Promise.all([
      runAval(words, { cwd: folder, env: { LOG_LEVEL: 'warn' } }),
      runAval([...words, '--json'], { cwd: folder, env: { LOG_LEVEL: 'warn' } }),
    ])

    expect([text.code, text.stderr]).toEqual([0, expect.stringContaining('ferry  100 % of 4 answers')])
    expect(text.stdout).toMatch(/^ferry: 4 answers \(2 unsupported\) in 4 groups/)
    expect(text.stdout).toMatch(/^grounded +1\.000 \[/m)
    expect(text.stdout).toMatch(/^number_entity.* +[+-]0\.\d{3} \[/m)
    const { sets, held_out } = JSON.parse(json.stdout) as {
      sets: { scorers: object[] }[]
      held_out: string[]
    }
    expect(held_out).toEqual([])
    expect(sets[0]?.scorers).toHaveLength(8)
    expect(sets[0]?.scorers[0]).toMatchObject({ scorer: 'grounded', auroc: 1, difference: null })
  },
  LIMIT_MS,
)

test(
  'says what is wrong with the folder, and exits 103',
  async () => {
    const { code, stdout, stderr } = await runAval(['bench', 'groundedness', '--data', 'nothing'], {
      cwd: folder,
    })

    expect([code, stdout]).toEqual([103, ''])
    expect(stderr).toContain('nothing: cannot be read (ENOENT).')
  },
  LIMIT_MS,
)

test(
  'measures embedding models on pairs, beside floors, for people and for programs',
  async () => {
    mkdirSync(join(folder, 'pairs'))
    const pairs = [
      { a: 'A dog runs.', b: 'A dog is running.', score: 5 },
      { a: 'A dog runs.', b: 'A cat sleeps.', score: 1 },
      { a: 'The bill is due on Friday.', b: 'The invoice has to be paid by Friday.', score: 4 },
      { a: 'The bill is due on Friday.', b: 'Birds fly south in winter.', score: 0 },
    ]
    writeFileSync(join(folder, 'pairs', 'few.jsonl'), pairs.map((pair) => JSON.stringify(pair)).join('\n'))
    const words = ['bench', 'embedding', '--data', 'pairs']

    const [text, json] = await Promise.all([
      runAval(words, { cwd: folder, env: { LOG_LEVEL: 'warn' } }),
      runAval([...words, '--json'], { cwd: folder, env: { LOG_LEVEL: 'warn' } }),
    ])

    expect([text.code, text.stderr]).toEqual([0, expect.stringContaining('100 % of 6 texts')])
    expect(text.stdout).toMatch(/^few: 4 pairs/)
    expect(text.stdout).toMatch(/^local\/embed +\d\.\d{3} \[.* 256 +\d+\.\d\d/m)
    const { sets } = JSON.parse(json.stdout) as { sets: { scorers: object[] }[] }
    expect(sets[0]?.scorers).toHaveLength(4)
    expect(sets[0]?.scorers[0]).toMatchObject({ scorer: 'local/embed', is_floor: false, dimensions: 256 })
  },
  LIMIT_MS,
)
