/** `aval bench retrieval` as a person runs it: what it prints, and that nothing is left however it ends. */

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { beforeEach, describe, expect, test } from 'vitest'
import { runAval, startAval, until } from '../../support/process.ts'
import { writePublicSet } from '../../support/public-set.ts'

const SERVER = process.env.TEST_DATABASE_URL ?? ''
const LIMIT_MS = 120_000

let folder: string
let scratch: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aval-bench-'))
  scratch = mkdtempSync(join(tmpdir(), 'aval-bench-tmp-'))
  writePublicSet(join(folder, 'sets'), 'shop')
  return () => {
    for (const path of [folder, scratch]) rmSync(path, { recursive: true, force: true })
  }
})

const options = () => ({ cwd: folder, env: { TMPDIR: scratch, LOG_LEVEL: 'warn' } })
/** What other parts of the process leave there for a moment is not ours. */
const left = () => readdirSync(scratch).filter((name) => name.startsWith('aval_scratch'))

describe('aval bench retrieval', () => {
  test(
    'prints every set with its rows side by side, and leaves nothing behind',
    async () => {
      const { code, stdout, stderr } = await runAval(
        ['bench', 'retrieval', '--data', 'sets', '--k', '5'],
        options(),
      )

      expect([code, stderr]).toEqual([0, expect.stringContaining('shop: asking  100 % of 18 searches')])
      expect(stdout).toMatch(/^shop: 6 queries/)
      for (const row of ['text-only', 'vector-only', 'hybrid'])
        expect(stdout).toMatch(new RegExp(`^${row} +\\d`, 'm'))
      expect(left()).toEqual([])
      expect(readdirSync(folder)).toEqual(['sets'])
    },
    LIMIT_MS,
  )

  test.each(['SIGINT', 'SIGKILL'] as const)(
    'leaves nothing behind when %s ends it',
    async (signal) => {
      const running = startAval(['bench', 'retrieval', '--data', 'sets'], options())
      await until('the scratch folder', () => left().length === 1)

      const { code, stderr } = await running.end(signal)

      if (signal === 'SIGINT') {
        expect(code).toBe(1)
        expect(stderr).toContain('Stopped before the end. Nothing of it is left.')
        expect(left()).toEqual([])
      }
      await until('the folder to be gone', () => left().length === 0, LIMIT_MS)
    },
    LIMIT_MS,
  )

  test(
    'says every mistake of a set with file and line, and exits 103',
    async () => {
      writeFileSync(join(folder, 'sets', 'shop-queries.jsonl'), '{"id": "q1"}\n')

      const { code, stdout, stderr } = await runAval(['bench', 'retrieval', '--data', 'sets'], options())

      expect([code, stdout]).toEqual([103, ''])
      expect(stderr).toContain('shop-queries.jsonl: line 1: no "text"')
    },
    LIMIT_MS,
  )

  test.each([
    [['--model', 'embed'], '--model "embed" is no model. Write upstream/model'],
    [['--model', 'nowhere/embed'], 'No upstream "nowhere" is configured.'],
    [['--chunk-tokens', '1'], '--chunk-tokens 1: '],
    [['--k', '1000'], '--k 1000 is too deep.'],
    [['--database', 'mysql://x'], '--database is not a PostgreSQL address.'],
    [['--database', 'postgres://127.0.0.1:1/x'], 'No scratch database could be made: '],
    [['--data', 'nothing'], 'nothing: cannot be read (ENOENT).'],
  ])(
    'refuses %j with a sentence',
    async (words, message) => {
      const { code, stderr } = await runAval(['bench', 'retrieval', '--data', 'sets', ...words], options())

      expect(code).not.toBe(0)
      expect(stderr).toContain(message)
      expect(stderr).not.toMatch(/^\s+at /m)
      expect(left()).toEqual([])
    },
    LIMIT_MS,
  )
})

describe.skipIf(SERVER === '')('aval bench retrieval on a server (TEST_DATABASE_URL)', () => {
  const databases = async () => {
    const sql = postgres(SERVER, { max: 1 })
    try {
      return (await sql`SELECT datname FROM pg_database WHERE datname LIKE 'aval_scratch%'`).map(
        ({ datname }) => datname,
      )
    } finally {
      await sql.end()
    }
  }

  test(
    'makes a database of its own and drops it, also when it is killed',
    async () => {
      const before = await databases()
      const running = startAval(['bench', 'retrieval', '--data', 'sets', '--database', SERVER], options())
      const made = async () => (await databases()).filter((name) => !before.includes(name))
      await until('the database', async () => (await made()).length === 1)

      await running.end('SIGKILL')

      await until('the database to be gone', async () => (await made()).length === 0, LIMIT_MS)
    },
    LIMIT_MS,
  )
})
