/** /api/review-queues and the review commands against a real database behind a real /api. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Role } from '../../../src/keys/key.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { commandLine } from '../../support/command-line.ts'
import { type TestDatabase, testDatabase } from '../../support/database.ts'
import { aJudgedRun, JUDGED } from '../../support/reviews.ts'

let database: TestDatabase
let server: ApiServer
let run: string
const directory = mkdtempSync(join(tmpdir(), 'aval-reviews-'))

beforeAll(async () => {
  database = await testDatabase()
  server = await startApiServer(database)
  const yaml = `${JUDGED}  - { name: right, kind: contains, value: good }\n`
  run = await aJudgedRun(database, 40, { yaml, isWrong: (at) => at === 3 })
})
afterAll(async () => {
  rmSync(directory, { recursive: true })
  await server.close()
  await database.close()
})

const aval = (role: Role, ...words: string[]) =>
  commandLine(
    ['review', ...words],
    { url: server.url, key: server.keyOf('default', role).token },
    { directory },
  )
const ratingsFile = (name: string, lines: readonly object[]) => {
  writeFileSync(join(directory, name), lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  return name
}

describe('the review commands', () => {
  test('take a judge from a sample to a calibration: hand out, rate, dispute, settle, calibrate', async () => {
    const made = await aval('engineer', 'create', 'flow', '--run', run, '--tasks', '1', '--scorer', 'polite')
    server.records.length = 0
    const handed = await aval('engineer', 'next', 'flow', '--json')
    const task = JSON.parse(handed.out) as { task: number; answer: string }
    const rated = await aval('engineer', 'rate', 'flow', '1', 'yes')
    const corrected = await aval('engineer', 'rate', 'flow', '1', 'no', '--note', 'no greeting')
    const shown = await aval('approver', 'next', 'flow')
    await aval('approver', 'rate', 'flow', '1', 'y')
    const disputed = await aval('engineer', 'show', 'flow')
    const forbidden = await aval('approver', 'adjudicate', 'flow', '1', 'yes')
    const disputes = await aval('admin', 'adjudicate', 'flow')
    const settled = await aval('admin', 'adjudicate', 'flow', '1', 'yes')
    const done = await aval('engineer', 'next', 'flow')
    const calibrated = await aval('engineer', 'calibrate', 'flow')

    expect(made.out).toMatch(/^flow: 1 of the 40 answers that polite judged, for 2 people each\./)
    expect(task).toMatchObject({ task: 1, answer: expect.stringMatching(/^(?:good|bad) #\d+\.$/) })
    expect(handed.out).not.toMatch(/So it is/)
    expect([rated.out, corrected.out]).toEqual(['Task 1 rated: yes\n', 'Task 1 corrected, revision 2: no\n'])
    expect(shown.out).toContain(task.answer)
    expect(shown.out).toMatch(/judge by\nGreets\..*Rate it: aval review rate flow 1 yes\n$/s)
    expect(disputed.out).toMatch(/0 settled, 1 disputed, 0 open.*next +aval review adjudicate flow/s)
    expect(forbidden).toMatchObject({ exitCode: 2, err: expect.stringMatching(/You rated task 1 yourself/) })
    expect(disputes.out).toMatch(/default engineer +no: no greeting\ndefault approver +yes/)
    expect(settled.out).toBe('Task 1 settled: yes\n')
    expect(done.out).toBe('Nothing is left for you in flow. How far it is: aval review show flow\n')
    expect(calibrated.out).toMatch(/may decide +no\. 1 truths, and 30 are needed\./)
    expect(server.records.map(({ kind, action }) => `${kind} ${action}`).slice(0, 2)).toEqual([
      'access review_queue.next',
      'admin review_queue.rate',
    ])
  })

  test('ask one answer after the other in a terminal, again for what is no answer, until somebody stops', async () => {
    await aval('engineer', 'create', 'sitting', '--run', run, '--tasks', '3')
    const settings = { url: server.url, key: server.keyOf('default', 'engineer').token }
    const sit = (...answers: string[]) =>
      commandLine(['review', 'next', 'sitting'], settings, { directory, answers })

    const first = await sit('y', '4', 'n', 'q')
    const second = await sit('s', '', 's', 'in Finnish')
    const shown = await aval('engineer', 'show', 'sitting', '--json')

    expect(first.out.match(/Task \d/g)).toEqual(['Task 1', 'Task 2', 'Task 3'])
    expect(second.out).toMatch(/Task 3.*Nothing is left for you in sitting/s)
    expect(JSON.parse(shown.out).progress).toMatchObject({ ratings: 2, skips: 1, begun: 3 })
  })

  test('bring ratings of elsewhere and take them away again, line by line', async () => {
    await aval('engineer', 'create', 'brought', '--run', run, '--tasks', '40', '--reviewers', '1')
    const lines = Array.from({ length: 40 }, (_, at) => ({
      item: `q${at}`,
      reviewer: 'anna',
      value: at % 2 === 0 ? 'yes' : 'no',
    }))
    const imported = await aval('admin', 'import', 'brought', ratingsFile('all.jsonl', lines))
    const again = await aval('admin', 'import', 'brought', 'all.jsonl', '--json')
    const exported = await aval('engineer', 'export', 'brought')
    const calibrated = await aval('engineer', 'calibrate', 'brought', '--json')
    const listed = await aval('auditor', 'calibrations', '--queue', 'brought')

    const tasks = exported.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(imported.out).toBe('40 ratings added, 0 were there.\n')
    expect(JSON.parse(again.out)).toEqual({ added: 0, unchanged: 40 })
    expect(tasks.length).toBe(40)
    expect(tasks.filter(({ truth, judged }) => truth !== judged)).toMatchObject([
      { item: 'q3', truth: 'no', judged: 'yes', ratings: [{ reviewer_name: 'anna', adjudicates: false }] },
    ])
    expect(JSON.parse(calibrated.out)).toMatchObject({ qualifies: true, misses: [], queue: 'brought' })
    expect(listed.out).toMatch(/cal_\S+ +brought +polite +40 +0\.95 \[0\.\d\d 1\.00\] +yes/)
  })

  test.each([
    ['a queue that is none', ['show', 'nothing'], /no review queue "nothing"/],
    [
      'a scorer that judges by rules',
      ['create', 'x', '--run', 'RUN', '--scorer', 'right'],
      /judges by rules/,
    ],
    ['a run that is none', ['create', 'x', '--run', 'run_1'], /no run "run_1"/],
    ['a task that was not handed out', ['rate', 'fresh', '1', 'yes'], /not yours\. aval review next fresh/],
    [
      'a value that is none',
      ['rate', 'fresh', '1', 'maybe'],
      /"maybe" is no answer\. Write yes, no, or a grade/,
    ],
    ['a grade where yes or no is asked', ['rate', 'fresh', '1', '4'], /4 is not on this queue's scale/],
    ['a file that is not there', ['import', 'fresh', 'nothing.jsonl'], /nothing\.jsonl cannot be read/],
    ['a line that is no rating', ['import', 'fresh', 'wrong.jsonl'], /wrong\.jsonl:1: write an object/],
  ])('refuse %s with what to do', async (_what, words, message) => {
    await aval('engineer', 'create', 'fresh', '--run', run, '--tasks', '1')
    ratingsFile('wrong.jsonl', [{ item: 'q1', reviewer: 'anna', value: 'maybe' }])
    const refused = await aval('admin', ...words.map((word) => (word === 'RUN' ? run : word)))

    expect(refused.exitCode).toBeGreaterThan(0)
    expect(refused.err).toMatch(message)
  })

  test('say how to begin where there is nothing yet', async () => {
    const other = { url: server.url, key: server.keyOf('other', 'engineer').token }
    const queues = await commandLine(['review', 'list'], other, { directory })
    const calibrations = await commandLine(['review', 'calibrations'], other, { directory })

    expect(queues.out).toBe('No review queues. Make one: aval review create <queue> --run run_…\n')
    expect(calibrations.out).toMatch(/^No calibrations\. Make one of a queue that is rated/)
  })
})
