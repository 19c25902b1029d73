/** `aval bench judge` as a person runs it, against a server that answers as a judge would. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { runAval } from '../../support/process.ts'

const LIMIT_MS = 60_000

let folder: string
let server: Server
let asked = 0
let answer: (question: string) => { status: number; text: string }

beforeAll(async () => {
  server = createServer(async (request, response) => {
    asked += 1
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { status, text } = answer(Buffer.concat(chunks).toString())
    response.writeHead(status, { 'content-type': 'application/json', 'x-aval-cost-usd': '0.01' })
    response.end(
      status === 200
        ? JSON.stringify({ choices: [{ message: { content: text }, finish_reason: 'stop' }] })
        : JSON.stringify({ error: { message: text, type: 'invalid_request_error', code: 'not_found' } }),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterAll(() => server.close())
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aval-bench-judge-'))
  mkdirSync(join(folder, 'sets'))
  asked = 0
  const row = (at: number) => ({
    question: `Which of ${at}?`,
    a: at % 2 === 0 ? 'GOOD' : 'BAD',
    b: at % 2 === 0 ? 'BAD' : 'GOOD',
    label: at === 0 ? 2 : (at % 2) + 1,
  })
  const rows = Array.from({ length: 10 }, (_, at) => JSON.stringify(row(at)))
  writeFileSync(join(folder, 'sets', 'ten.jsonl'), rows.join('\n'))
  // Asked in both orders it always means the good one.
  answer = (question) => {
    const isFirst = question.lastIndexOf('GOOD') < question.lastIndexOf('BAD')
    return { status: 200, text: JSON.stringify({ reason: 'so', better: isFirst ? 'first' : 'second' }) }
  }
  return () => rmSync(folder, { recursive: true, force: true })
})
const bench = (...more: string[]) =>
  runAval(['bench', 'judge', '--data', 'sets', '--judge', 'lab/judge', ...more], {
    cwd: folder,
    env: { AVAL_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, AVAL_KEY: 'avk_test' },
  })

test(
  'prints agreement with people beside the floors, and what it cost',
  async () => {
    const text = await bench()
    const json = await bench('--json', '--limit', '4')

    expect([text.code, json.code]).toEqual([0, 0])
    expect(text.stdout).toContain('ten: 10 of 10 rows judged, 0 abstained, 0 errors, 0 turned with the order')
    expect(text.stdout).toMatch(/^lab\/judge +10 +0\.900 \[0\.596, 0\.982\] +0\.8\d\d \[/m)
    expect(text.stdout).toMatch(/^longer \(floor\) +10 +0\.\d/m)
    expect(text.stdout).toContain('cost $0.20')
    const { sets, cost_usd: cost } = JSON.parse(json.stdout)
    expect(sets[0]).toMatchObject({ set: 'ten', drawn: 4, judged: 4 })
    expect(cost).toBe('0.08')
    expect(asked).toBe(28)
  },
  LIMIT_MS,
)

test(
  'asks no more once the budget is spent, and says so',
  async () => {
    const { code, stdout } = await bench('--budget', '0.05', '--concurrency', '1')

    expect(code).toBe(0)
    expect(stdout).toMatch(/ten: \d of 10 rows judged, 0 abstained, [78] errors/)
    expect(stdout).toContain('mostly: ')
    expect(stdout).toContain('The budget is spent.')
    expect(asked).toBeLessThanOrEqual(6)
  },
  LIMIT_MS,
)

test(
  'where nothing can be judged ends with 102 and the server’s words',
  async () => {
    answer = () => ({ status: 404, text: 'There is no model "lab/judge".' })

    const { code, stdout } = await bench()

    expect(code).toBe(102)
    expect(stdout).toContain('There is no model "lab/judge".')
    expect(stdout).toMatch(/^lab\/judge +0 +- +-$/m)
  },
  LIMIT_MS,
)
