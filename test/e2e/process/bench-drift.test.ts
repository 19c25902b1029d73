/** `aval bench drift` as a person runs it. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { runAval } from '../../support/process.ts'

const LIMIT_MS = 60_000

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aval-bench-drift-'))
  mkdirSync(join(folder, 'sets', 'nab', 'made'), { recursive: true })
  const timeOf = (at: number) => new Date(Date.UTC(2026, 0, 1) + at * 300_000).toISOString().slice(0, 19)
  const rows = Array.from({ length: 600 }, (_, at) => `${timeOf(at)},${at === 400 ? 99 : at % 5}`)
  writeFileSync(join(folder, 'sets', 'nab', 'made', 'up.csv'), ['timestamp,value', ...rows].join('\n'))
  const windows = { 'made/up.csv': [[timeOf(390), timeOf(410)]] }
  writeFileSync(join(folder, 'sets', 'nab', 'windows.json'), JSON.stringify(windows))
  return () => rmSync(folder, { recursive: true, force: true })
})

test(
  'prints each setting with the random floor, for people and for programs',
  async () => {
    const words = ['bench', 'drift', '--data', 'sets']

    const [text, json] = await Promise.all([
      runAval(words, { cwd: folder }),
      runAval([...words, '--json'], { cwd: folder }),
    ])

    expect([text.code, text.stderr]).toEqual([0, expect.stringContaining('strict  100 % of 1 series')])
    expect(text.stdout).toMatch(/^made +1 +1 +1\.000 +1\.000 +0\.000 +10 /m)
    const fields = ['recall', 'precision', 'false_per_1000', 'delay']
    const settings = JSON.parse(json.stdout) as Record<string, Record<string, object>>
    expect(Object.keys(settings)).toEqual(['strict', 'loose'])
    for (const figures of Object.values(settings)) {
      expect(Object.keys(figures)).toEqual([...fields, 'random_floor'])
      expect(figures).toMatchObject({ recall: 1, precision: 1, false_per_1000: 0, delay: 10 })
      expect(Object.keys(figures.random_floor ?? {})).toEqual(fields)
    }
  },
  LIMIT_MS,
)

test(
  'says what is wrong with the folder, and exits 103',
  async () => {
    const { code, stdout, stderr } = await runAval(['bench', 'drift', '--data', 'nothing'], { cwd: folder })

    expect([code, stdout]).toEqual([103, ''])
    expect(stderr).toContain('windows.json: cannot be read (ENOENT).')
  },
  LIMIT_MS,
)
