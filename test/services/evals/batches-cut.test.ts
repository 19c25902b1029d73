/** Submissions that were cut at an upstream whose batches say only at their end whose they are: found again, or made again, once. */

import { expect, test } from 'vitest'
import { countResults } from '../../../src/evals/runs/count-results.ts'
import { moveRun, type RunRow } from '../../../src/evals/runs/run-rows.ts'
import { AnthropicBatchServer } from '../../support/anthropic-batch-server.ts'
import { batchRuns } from '../../support/batch-runs.ts'
import { describeDatabases } from '../../support/database.ts'
import { numbered } from '../../support/eval-runs.ts'

const SUITE = `
dataset: questions
subject: up/m
scorers: [equals]
batch: true
`
const ITEMS = 3
const HOUR_MS = 3_600_000

describeDatabases('a submission that was cut', (open) => {
  const server = new AnthropicBatchServer()
  const runs = batchRuns(open, { server, suite: SUITE, given: { dialect: 'anthropic' } })
  const { setting, workAt, letGo, rowOf, batchOf, resultsOf } = runs
  const aRun = async (dataset?: string) => await runs.aRun(SUITE, numbered(ITEMS), dataset)
  /** The answer to its submission is lost; whether it arrived is said. */
  const cut = async (run: RunRow, arrives: boolean) => {
    server.refuse = { at: 'create', status: 502, work: arrives }
    await workAt(run, 0)
    return arrives ? server.last : null
  }
  const answersOf = async (run: RunRow) => (await resultsOf(run)).map(({ output }) => output)

  test('is found among others of the same size, whoever ends first', async () => {
    const run = await aRun()
    const before = server.makeForeign(ITEMS)
    const ours = await cut(run, true)
    const after = server.makeForeign(ITEMS)
    server.makeForeign(ITEMS + 1)

    await workAt(run, HOUR_MS)
    const waiting = await rowOf(run)
    server.end({}, before)
    server.end({}, after)
    const still = await workAt(run, 2 * HOUR_MS)
    server.end({}, ours!)
    const outcome = await workAt(run, 3 * HOUR_MS)

    expect(waiting).toMatchObject({ state: 'queued' })
    expect(waiting.error).toMatch(
      /says whose they are when they have ended: msgbatch_3, msgbatch_2, msgbatch_1\./,
    )
    expect([still, outcome]).toEqual(['waiting', 'done'])
    expect(await batchOf(run)).toMatchObject({ batchId: ours!.id, note: null })
    expect(server.count('create')).toBe(1)
    expect(await answersOf(run)).toEqual(['0', '1', '2'])
    expect(setting.kept.wholes.length).toBe(ITEMS)
  })

  test('is found while one of somebody else goes on', async () => {
    const run = await aRun()
    const ours = await cut(run, true)
    server.makeForeign(ITEMS)
    server.end({}, ours!)

    const outcome = await workAt(run, HOUR_MS)

    expect(outcome).toBe('done')
    expect(server.count('create')).toBe(1)
  })

  test('is made again once none of the others can be it', async () => {
    const run = await aRun()
    await cut(run, false)
    const foreign = server.makeForeign(ITEMS)

    const first = await workAt(run, HOUR_MS)
    const early = server.count('create')
    server.end({}, foreign)
    await workAt(run, 2 * HOUR_MS)
    const again = server.count('create')
    server.end()
    const outcome = await workAt(run, 3 * HOUR_MS)

    expect([first, outcome]).toEqual(['waiting', 'done'])
    expect([early, again]).toEqual([1, 2])
    expect(await answersOf(run)).toEqual(['0', '1', '2'])
  })

  test('does not wait for what was made long before or after it, nor for what another run has', async () => {
    const run = await aRun()
    const other = await aRun('more-questions')
    await workAt(other, 0)
    await cut(run, false)
    const at = (ms: number) => new Date(Date.now() + ms).toISOString()
    server.makeForeign(ITEMS, { createdAt: at(HOUR_MS) })
    server.makeForeign(ITEMS, { createdAt: at(-HOUR_MS) })
    server.batches.sort((one, two) => one.created_at.localeCompare(two.created_at))

    await workAt(run, 2 * HOUR_MS)

    expect(server.count('create')).toBe(3)
    expect(await batchOf(run)).toMatchObject({ state: 'submitted', batchId: server.last.id })
  })

  test('of each of several runs is given to the run that it belongs to', async () => {
    const runs = [await aRun('one'), await aRun('two'), await aRun('three')]
    const batches = []
    for (const run of runs) batches.push(await cut(run, true))
    for (const batch of batches) server.end({}, batch!)

    const outcomes = []
    for (const run of runs.toReversed()) outcomes.push(await workAt(run, HOUR_MS))

    expect(outcomes).toEqual(['done', 'done', 'done'])
    const found = []
    for (const run of runs) found.push((await batchOf(run)).batchId)
    expect(found).toEqual(batches.map((batch) => batch!.id))
    expect(server.count('create')).toBe(3)
    expect([...server.paid.values()]).toEqual(Array(ITEMS).fill(3))
    expect(new Set(setting.kept.wholes.map(([{ id }]) => id)).size).toBe(3 * ITEMS)
  })

  test('is told apart by its results though one line of them is garbage, and others have none', async () => {
    const run = await aRun()
    const gone = server.makeForeign(ITEMS)
    const ours = await cut(run, true)
    server.end({ besides: ['{"custom_id":"of-nobody","result":{"type":"expired"}}', '{half'] }, ours!)
    server.end({}, gone)
    gone.results = null

    const outcome = await workAt(run, HOUR_MS)

    expect(outcome).toBe('done')
    expect(await answersOf(run)).toEqual(['0', '1', '2'])
    expect((await batchOf(run)).batchId).toBe(ours!.id)
  })

  test('is not made again while what may be it says nothing of itself', async () => {
    const run = await aRun()
    await cut(run, false)
    const gone = server.makeForeign(ITEMS)
    server.end({ each: () => null, besides: ['{half'] }, gone)
    gone.counts.errored = ITEMS

    const outcome = await workAt(run, HOUR_MS)

    expect(outcome).toBe('waiting')
    expect(server.count('create')).toBe(1)
    expect((await rowOf(run)).error).toContain(gone.id)
  })

  test('that cannot be cleared up ends the run with what happened, and is never made again', async () => {
    const run = await aRun()
    await cut(run, false)
    server.makeForeign(ITEMS)

    const within = await workAt(run, 26 * HOUR_MS)
    const outcome = await workAt(run, 28 * HOUR_MS)

    const { state, error } = await rowOf(run)
    expect([within, outcome, state]).toEqual(['waiting', 'failed', 'failed'])
    expect(error).toMatch(
      /^Part 1 was submitted to upstream "up" at .* could not be learned in 26 hours\. .*msgbatch_1/,
    )
    expect(error).toMatch(/not submitted again, and may be paid for.*--retry-errors$/)
    expect(server.count('create')).toBe(1)
    expect(await batchOf(run)).toMatchObject({ state: 'ended' })
    expect(await countResults(open().sql, run.id)).toMatchObject({ answered: 0, failed: ITEMS })
    expect(setting.kept.wholes.map(([, { outcome: end }]) => end)).toEqual(Array(ITEMS).fill('timeout'))
  })

  test('of a run that is cancelled is found all the same, and its answers are kept', async () => {
    const run = await aRun()
    const ours = await cut(run, true)
    await moveRun(open().sql, run.id, { from: ['queued'], to: 'cancelled' }, new Date().toISOString())

    const first = await letGo(run, HOUR_MS)
    const stopped = server.count('cancel')
    server.end({}, ours!)
    const last = await letGo(run, 2 * HOUR_MS)

    expect([first, last]).toEqual(['waiting', 'let-go'])
    // Nobody stops what may be somebody else's.
    expect(stopped).toBe(0)
    expect(await countResults(open().sql, run.id)).toMatchObject({ answered: ITEMS, failed: 0 })
    expect(setting.kept.wholes.length).toBe(ITEMS)
  })
})
