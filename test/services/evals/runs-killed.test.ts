/** Workers that die by SIGKILL in the middle of a run, again and again. AVAL_SOAK=1 kills two hundred. */

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { countResults } from '../../../src/evals/runs/count-results.ts'
import { findRunById } from '../../../src/evals/runs/run-rows.ts'
import { describeDatabases } from '../../support/database.ts'
import { aDataset, aSuite, begin, echo, numbered } from '../../support/eval-runs.ts'
import { until } from '../../support/process.ts'
import { kill, startProgram } from '../../support/programs.ts'

const PROGRAM = new URL('../../support/programs/run-suite.ts', import.meta.url)
const KILLS = process.env.AVAL_SOAK === '1' ? 200 : 5
const ITEMS = KILLS * 12
const REPEATS = 2
const CONCURRENCY = 4
const SUITE = `
dataset: questions
subject: local/reader
repeats: ${REPEATS}
concurrency: ${CONCURRENCY}
scorers: [equals, { kind: word-count, max: 3 }]
`

describeDatabases('a worker killed in the middle of a run', (open) => {
  let subject: Server
  let address: string
  const asked = new Map<string, number>()

  beforeAll(async () => {
    subject = createServer((request, response) => {
      let question = ''
      request.on('data', (bytes) => {
        question += bytes
      })
      request.on('end', () => {
        asked.set(question, (asked.get(question) ?? 0) + 1)
        setTimeout(() => response.end(echo(question)), 5)
      })
    })
    await new Promise<void>((resolve) => subject.listen(0, '127.0.0.1', resolve))
    address = `http://127.0.0.1:${(subject.address() as AddressInfo).port}`
  })
  afterAll(() => void subject.close())

  /** Workers of one run, each killed when it is a step further; the last one ends by itself. Gives how many were killed before their end. */
  const killAgainAndAgain = async (id: string, total: number) => {
    const { sql, url } = open()
    let killed = 0
    for (let turn = 1; turn <= KILLS; turn += 1) {
      const bar = (total * turn) / (KILLS + 1)
      const { process: child } = await startProgram<{ id: string }>(PROGRAM, url, id, address)
      const isFar = async () => (await countResults(sql, id)).answered >= bar || child.exitCode !== null
      await until(`${bar} answers`, isFar, 60_000)
      if (child.exitCode === null) killed += 1
      await kill(child)
    }
    const { process: last } = await startProgram<{ id: string }>(PROGRAM, url, id, address)
    await until('the end of the last worker', () => last.exitCode !== null, 120_000)
    return killed
  }

  test(
    'leaves every answer and every score there once, and only what was under way is asked again',
    async () => {
      asked.clear()
      const { sql } = open()
      await aDataset(open(), 'questions', numbered(ITEMS))
      const { candidate } = await begin(open(), aSuite(SUITE))
      const { id } = candidate
      const total = ITEMS * REPEATS

      const killed = await killAgainAndAgain(id, total)

      const [scores] = await sql<{ rows: number; kinds: number }[]>`
        SELECT count(*)::integer AS rows, count(DISTINCT (position, repeat, scorer))::integer AS kinds
        FROM eval_scores WHERE run_id = ${id}`
      const calls = [...asked.values()].reduce((sum, count) => sum + count, 0)
      expect(killed).toBeGreaterThanOrEqual(KILLS - 1)
      expect(await findRunById(sql, id)).toMatchObject({ state: 'done' })
      expect(await countResults(sql, id)).toMatchObject({ answered: total, failed: 0, judged: total })
      expect(scores).toEqual({ rows: total * 2, kinds: total * 2 })
      expect(asked.size).toBe(ITEMS)
      expect(calls - total).toBeLessThanOrEqual(killed * CONCURRENCY)
    },
    KILLS * 10_000 + 120_000,
  )

  test(
    'that takes answers over has each of them once, and asks nobody for them',
    async () => {
      asked.clear()
      const { sql, url } = open()
      const suiteOf = (dataset: string) =>
        SUITE.replace('questions', dataset).replace('local/reader', 'local/other')
      await aDataset(open(), 'half', numbered(ITEMS / 2))
      const earlier = await begin(open(), aSuite(suiteOf('half')))
      const { process: first } = await startProgram<{ id: string }>(
        PROGRAM,
        url,
        earlier.candidate.id,
        address,
      )
      await until('the end of the earlier run', () => first.exitCode !== null, 120_000)
      await aDataset(open(), 'whole', numbered(ITEMS))
      const { candidate } = await begin(open(), aSuite(`${suiteOf('whole')}cache: true\n`))
      const { id } = candidate
      const total = ITEMS * REPEATS

      const killed = await killAgainAndAgain(id, total)

      const calls = [...asked.values()].reduce((sum, count) => sum + count, 0)
      expect(await findRunById(sql, id)).toMatchObject({ state: 'done' })
      // What was under way when a worker was killed was answered twice upstream, and kept once.
      expect(await countResults(sql, id)).toMatchObject({
        answered: total,
        judged: total,
        takenOver: { answers: total / 2 },
      })
      expect(calls - total).toBeLessThanOrEqual(killed * CONCURRENCY)
    },
    KILLS * 10_000 + 240_000,
  )
})
