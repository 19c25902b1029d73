import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { eraseBodies } from '../../../src/audit/erasure/store.ts'
import { pseudonym } from '../../../src/audit/privacy/audit-keys.ts'
import type { EventRecord } from '../../../src/audit/record.ts'
import { forgetScores } from '../../../src/audit/retention/store.ts'
import { findOrder, stopOrder } from '../../../src/evals/online/order-rows.ts'
import { inSample } from '../../../src/evals/online/sample.ts'
import { countOnlineScores, readOnlineScores } from '../../../src/evals/online/score-rows.ts'
import type { Call } from '../../../src/evals/runs/ask.ts'
import { rulesHash } from '../../../src/evals/runs/calibration.ts'
import { runScoreTraffic } from '../../../src/jobs/score-traffic.ts'
import { runTidyOnline } from '../../../src/jobs/tidy-online.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { newId } from '../../../src/lib/ids.ts'
import { describeDatabases } from '../../support/database.ts'
import { noCode, scriptedAsk, unhurried } from '../../support/eval-runs.ts'
import {
  aModel,
  anOrder,
  BRIEF,
  keptScores,
  liveScorer,
  lookAt,
  onlineKeys,
  POLITE,
  someReleases,
  someTraffic,
  type Traffic,
} from '../../support/online.ts'

const PROJECT = 'prj_default'
const KIND = liveScorer({ name: 'kind', kind: 'closed-qa', criterion: 'Kind.', model: 'up/judge' })
const yes = JSON.stringify({ reason: 'So it is.', meets: 'Y' })

describeDatabases('scores of live traffic', (open) => {
  let traffic: Traffic
  let releases: string[] = []
  /** Of one test, so that none sees another's. */
  let route = ''
  let person = ''
  let tests = 0

  beforeAll(async () => {
    await aModel(open())
    traffic = someTraffic(open())
  })
  afterAll(() => traffic.close())
  beforeEach(async () => {
    tests += 1
    route = `route-${tests}`
    person = `ada ${tests}`
    releases = await someReleases(open(), route)
  })

  const stable = () => releases[0] ?? ''
  const canary = () => releases[1] ?? ''
  const say: Traffic['say'] = (release, answer, more = {}) =>
    traffic.say(release, answer, { ...more, open: { route, subject: person, ...more.open } })
  const order = (wish: Parameters<typeof anOrder>[1] = {}) => anOrder(open(), { route, ...wish })
  const kept = () => keptScores(open(), releases)
  const rowOf = async (id: string) => (await findOrder(open().sql, PROJECT, id))!
  const window = () => ({
    projectId: PROJECT,
    since: '2000-01-01T00:00:00.000Z',
    until: '2100-01-01T00:00:00.000Z',
  })
  const brief = () => rulesHash({ kind: 'word-count', version: 1, settings: { max: 3 } })

  test('judges what each release answered, once, and says beforehand on the log what it reads', async () => {
    const ids = [
      await say(stable(), 'Yes, within thirty days.'),
      await say(canary(), 'Yes.'),
      await say(canary(), 'No.', { open: { requestedModel: 'support-answer@staging' } }),
    ]
    await traffic.flush()
    const made = await order()
    const records: EventRecord[] = []

    const first = await lookAt(open(), made.id, { records })
    const second = await lookAt(open(), made.id, { records })

    expect([first, second]).toEqual(['waits', 'waits'])
    const scores = await kept()
    expect(scores.map(({ requestId, value }) => [requestId, value])).toEqual([
      [ids[0], 0],
      [ids[1], 1],
      [ids[2], 1],
    ])
    expect(records).toHaveLength(1)
    expect(records[0]).toMatchObject({
      kind: 'access',
      action: 'requests.score',
      target: made.id,
      purpose: 'a test',
      actorName: 'ada',
      detail: { requests: 3, scorers: ['brief'], ids },
    })
    expect(await rowOf(made.id)).toMatchObject({ state: 'queued', attempts: 0, error: null })
  })

  test('are given by release and rules: all that was sampled is counted, the newest values in the order of time', async () => {
    for (const answer of ['One.', 'One two three four.', 'One two.']) await say(canary(), answer)
    await say(canary(), '', { close: { outcome: 'upstream_error', status: 502 } })
    await traffic.flush()
    const made = await order({ scorers: [BRIEF, liveScorer('grounded')] })
    await lookAt(open(), made.id)

    const counts = await countOnlineScores(open().sql, {
      ...window(),
      models: null,
      releaseIds: releases,
      rulesHashes: [brief()],
    })
    const wanted = { ...window(), models: null, releaseId: canary(), rulesHash: brief() }
    const values = await readOnlineScores(open().sql, wanted, 2)
    const elsewhere = { ...window(), models: ['another@label'], releaseIds: releases, rulesHashes: [brief()] }
    expect(await countOnlineScores(open().sql, elsewhere)).toEqual([])
    expect(await readOnlineScores(open().sql, { ...wanted, models: ['another@label'] }, 2)).toEqual([])

    expect(counts).toEqual([
      {
        releaseId: canary(),
        rulesHash: brief(),
        scored: 3,
        abstained: 0,
        errors: 0,
        skipped: 1,
        skips: { no_answer: 1 },
        mean: 2 / 3,
      },
    ])
    expect(values.map(({ value }) => value)).toEqual([0, 1])
    // Without a passage there is nothing to be grounded in, and that is no bad score.
    const grounded = (await kept()).filter(({ scorer }) => scorer === 'grounded')
    expect(grounded.map(({ outcome }) => outcome)).toEqual(['abstained', 'abstained', 'abstained', 'skipped'])
  })

  test('says why a sampled request was not judged, whatever the reason is', async () => {
    const base = { model: 'support-answer' }
    await say(stable(), '', { open: { operation: 'embeddings' } })
    await say(stable(), 'Yes.', { close: { truncated: true } })
    await say(stable(), 'Yes.', { close: { responseBytes: 9_000_000 } })
    await say(stable(), 'Yes.', { body: base })
    await say(stable(), 'Your card is 4111 1111 1111 1111.')
    await say(stable(), '', { response: 'data: {"error":{"message":"no"}}\n\n' })
    await say(stable(), 'Yes.', { open: { subject: 'bob' } })
    await traffic.flush()
    await open().sql`DELETE FROM data_keys WHERE subject = ${pseudonym(onlineKeys, PROJECT, 'bob')}`
    const made = await order()

    await lookAt(open(), made.id)

    const scores = await kept()
    expect(scores.map(({ skip }) => skip)).toEqual([
      'unsupported_operation',
      'cut',
      'too_large',
      'asks_nothing',
      'redacted',
      'not_text',
      'erased',
    ])
    expect(scores.every(({ reason, value }) => reason !== null && value === null)).toBe(true)
  })

  test('leaves alone what no app sent: requests of runs, of judges, what was sent again, and other releases', async () => {
    await say(stable(), 'Yes.', { open: { keyId: newId('run', Date.now()) } })
    await say(stable(), 'Yes.', { open: { keyId: newId('onl', Date.now()) } })
    await say(stable(), 'Yes.', { open: { replayOf: newId('req', Date.now()) } })
    await say(canary(), 'Yes.')
    await say(stable(), 'Yes.', { open: { projectId: 'prj_other' } })
    await traffic.flush()
    const made = await order({ releases: [1] })

    await lookAt(open(), made.id)

    expect(await kept()).toEqual([])
  })

  test('takes the sample that the ids say, and no more requests than the order allows', async () => {
    const ids: string[] = []
    for (let at = 0; at < 40; at += 1) ids.push(await say(stable(), 'Yes.'))
    await traffic.flush()
    const sampled = ids.filter((id) => inSample(id, 0.5))

    const bounded = await order({ sample: 0.5, limit: 5 })
    const ended = await lookAt(open(), bounded.id)
    const first = (await kept()).map(({ requestId }) => requestId)
    await lookAt(open(), (await order({ sample: 0.5 })).id)

    expect(ended).toBe('done')
    expect(first).toEqual(sampled.slice(0, 5))
    expect((await kept()).map(({ requestId }) => requestId)).toEqual(sampled)
  })

  test('finds what came onto the log late: each look begins a quarter of an hour back, the last one at the start', async () => {
    const hour = 3_600_000
    const nowMs = Date.now()
    const at = (ms: number) => ({ ...systemClock, nowMs: () => ms })
    const made = await order({ sinceMs: nowMs - hour, untilMs: nowMs })
    await lookAt(open(), made.id, { clock: at(nowMs) })
    const mark = (await rowOf(made.id)).lookedTo
    const early = await say(stable(), 'Yes.', { open: { startedAtMs: nowMs - hour + 1_000 } })
    const recent = await say(stable(), 'Yes.', { open: { startedAtMs: nowMs - 60_000 } })
    await traffic.flush()

    const waits = await lookAt(open(), made.id, { clock: at(nowMs + 60_000) })
    const between = (await kept()).map(({ requestId }) => requestId)
    const done = await lookAt(open(), made.id, { clock: at(nowMs + 16 * 60_000) })

    expect(mark).toBe(new Date(nowMs - 15 * 60_000).toISOString())
    expect([waits, done]).toEqual(['waits', 'done'])
    expect(between).toEqual([recent])
    expect((await kept()).map(({ requestId }) => requestId)).toEqual([early, recent])
    expect(await rowOf(made.id)).toMatchObject({ state: 'done' })
  })

  test('asks judges through the data plane for whom the words are of, until the budget is spent; the rest is a gap that another order fills', async () => {
    for (let at = 0; at < 4; at += 1) await say(stable(), 'Gladly.')
    await traffic.flush()
    const calls: Call[] = []
    const { ask } = scriptedAsk((_question, _before, call) => {
      calls.push(call)
      return { output: yes, cost: 400n, free: false }
    })
    const made = await order({ scorers: [POLITE, BRIEF], budget: 900n })
    await lookAt(open(), made.id, { ask })
    await lookAt(open(), made.id, { ask })

    const scores = await kept()
    const polite = scores.filter(({ scorer }) => scorer === 'polite')
    expect(polite.map(({ value, skip, cost }) => value ?? `${skip} ${cost}`)).toEqual([
      1,
      1,
      'budget_spent 0',
      'budget_spent 0',
    ])
    expect(scores.filter(({ scorer }) => scorer === 'brief').map(({ value }) => value)).toEqual([1, 1, 1, 1])
    expect(calls).toHaveLength(2)
    expect(calls[0]).toMatchObject({
      runId: made.id,
      runName: `judge ${route}`,
      subject: pseudonym(onlineKeys, PROJECT, person),
    })
    expect(await rowOf(made.id)).toMatchObject({ spent: '800', unpriced: 0, state: 'queued' })

    const more = await order({ scorers: [POLITE], budget: 10_000n })
    await lookAt(open(), more.id, { ask })

    const filled = (await kept()).filter(({ scorer }) => scorer === 'polite')
    expect(filled.map(({ value }) => value)).toEqual([1, 1, 1, 1])
    expect(calls).toHaveLength(4)
    expect(await rowOf(more.id)).toMatchObject({ spent: '800' })
  })

  test('an order without money left reads no request again for the gap of another one, and one with money does', async () => {
    for (let at = 0; at < 4; at += 1) await say(stable(), 'Gladly.')
    await traffic.flush()
    const { ask } = scriptedAsk(() => ({ output: yes, cost: 400n, free: false }))
    const [first, second] = [
      await order({ scorers: [POLITE], budget: 400n }),
      await order({ scorers: [POLITE], budget: 400n, limit: 3 }),
    ]
    const reads: number[] = []
    for (const { id } of [first, second, first, second, second]) {
      const records: EventRecord[] = []
      await lookAt(open(), id, { ask, records })
      reads.push(records.length)
    }
    const between = await kept()
    const subject = pseudonym(onlineKeys, PROJECT, person)
    await open().sql`DELETE FROM data_keys WHERE subject = ${subject}`
    const third = await order({ scorers: [POLITE], budget: 400n })
    const records: EventRecord[] = []
    for (let look = 0; look < 2; look += 1) await lookAt(open(), third.id, { ask, records })

    expect(reads).toEqual([1, 1, 0, 0, 0])
    expect(between.map(({ value, skip }) => value ?? skip)).toEqual([1, 1, 'budget_spent', 'budget_spent'])
    // It has none of the requests whose gaps it came too late for, so it is not at its limit.
    expect(await rowOf(second.id)).toMatchObject({ state: 'queued', spent: '400' })
    // What cannot be judged any more is no gap of a budget any more, and is read once.
    expect((await kept()).map(({ value, skip }) => value ?? skip)).toEqual([1, 1, 'erased', 'erased'])
    expect(records).toHaveLength(1)
  })

  test('holds the budget by not asking again where nobody knows the price', async () => {
    await say(stable(), 'Gladly.')
    await say(stable(), 'Gladly.')
    await traffic.flush()
    const { ask, asked } = scriptedAsk(() => ({ output: yes, cost: null, free: false }))
    const made = await order({ scorers: [POLITE], budget: 900n })

    await lookAt(open(), made.id, { ask })

    const [first, second] = await kept()
    expect(first).toMatchObject({ outcome: 'scored', cost: null })
    expect(second).toMatchObject({ skip: 'budget_spent', reason: expect.stringMatching(/no known price/) })
    expect(asked).toHaveLength(1)
    expect(await rowOf(made.id)).toMatchObject({ spent: '0', unpriced: 1 })
  })

  test('are there once when a worker is killed in the middle, and when two are at it', async () => {
    for (let at = 0; at < 6; at += 1) await say(stable(), 'Gladly.')
    await traffic.flush()
    const made = await order({ scorers: [POLITE], budget: 100_000n })
    const began = Promise.withResolvers<void>()
    const go = Promise.withResolvers<void>()
    let answers = 0
    const { ask } = scriptedAsk(async () => {
      answers += 1
      if (answers === 3) {
        began.resolve()
        await go.promise
      }
      return { output: yes, cost: 10n, free: false }
    })

    // The first one hangs, is taken for dead, and comes back when the second one is done.
    const first = lookAt(open(), made.id, { ask, beatMs: 60_000 })
    await began.promise
    const refused = await lookAt(open(), made.id, { ask })
    const later = { ...systemClock, nowMs: () => Date.now() + 60_000 }
    const second = await lookAt(open(), made.id, { ask, clock: later })
    go.resolve()

    expect([refused, second, await first]).toEqual(['nothing', 'waits', 'taken-over'])
    const scores = await kept()
    expect(scores.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 6 }, () => 'scored'))
    expect(await rowOf(made.id)).toMatchObject({ spent: '60', state: 'queued' })
  })

  test('a few requests are judged beside each other, each once, within the budget and the limit of the order', async () => {
    for (let at = 0; at < 12; at += 1) await say(stable(), 'Gladly.')
    await traffic.flush()
    const third = Promise.withResolvers<void>()
    let underWay = 0
    let most = 0
    const { ask, asked } = scriptedAsk(async () => {
      underWay += 1
      most = Math.max(most, underWay)
      // The first goes alone, as nobody knows what one costs; the second waits here for a third beside it.
      if (asked.length === 2) await third.promise
      if (asked.length === 3) third.resolve()
      underWay -= 1
      return { output: yes, cost: 10n, free: false }
    })
    const rich = await order({ scorers: [POLITE], budget: 1_000n, limit: 10 })
    const ended = await lookAt(open(), rich.id, { ask })
    const judged = await kept()
    const poor = await order({ scorers: [KIND], budget: 65n })
    const before = asked.length
    await lookAt(open(), poor.id, { ask })

    expect(ended).toBe('done')
    expect([judged.length, before]).toEqual([10, 10])
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThanOrEqual(4)
    expect(await rowOf(rich.id)).toMatchObject({ spent: '100', state: 'done' })
    // Six times 10 fit into 65 micro-USD.
    expect(asked.length - before).toBe(6)
    expect(await rowOf(poor.id)).toMatchObject({ spent: '60' })
  })

  test('end with the first that fails: none is left behind, and the next look goes on', async () => {
    for (let at = 0; at < 6; at += 1) await say(stable(), 'Gladly.')
    await traffic.flush()
    const stop = new AbortController()
    const made = await order({ scorers: [POLITE], budget: 1_000n })
    let answers = 0
    const { ask } = scriptedAsk(async (_question, _before, { signal }) => {
      answers += 1
      if (answers === 3) stop.abort(new Error('The process stops.'))
      signal.throwIfAborted()
      return { output: yes, cost: 10n, free: false }
    })
    await expect(lookAt(open(), made.id, { ask, signal: stop.signal })).rejects.toThrow('The process stops.')
    const first = await kept()
    const again = await lookAt(open(), made.id, { ask })

    expect(first.every(({ outcome }) => outcome === 'scored')).toBe(true)
    expect(first.length).toBeLessThan(6)
    expect(again).toBe('waits')
    expect((await kept()).map(({ outcome }) => outcome)).toEqual(Array.from({ length: 6 }, () => 'scored'))
    expect(await rowOf(made.id)).toMatchObject({ spent: '60' })
  })

  test('are looked at by a worker that is rung for, which says on the order what it lacks', async () => {
    await say(stable(), 'Gladly.')
    await traffic.flush()
    const made = await order()
    const events: EventRecord[] = []
    const { sql, db } = open()
    const parts = {
      sql,
      db,
      clock: systemClock,
      evaluate: noCode,
      pace: unhurried,
      keys: null,
      models: async () => await Promise.reject(new Error('No model is used in this test.')),
      ask: async () => scriptedAsk(() => yes).ask,
      log: async () => ({ event: async (record: EventRecord) => void events.push(record) }),
    }
    const { signal } = new AbortController()
    const rung: string[] = []
    const enqueuer = {
      enqueue: async (name: string, { orderId }: { orderId: string }) => void rung.push(`${name} ${orderId}`),
    }
    const later = { ...systemClock, nowMs: () => Date.now() + 60_000 }

    await runTidyOnline({ sql, clock: later, enqueuer: enqueuer as never }, {})
    const lacking = runScoreTraffic(parts, { orderId: made.id }, signal)
    await expect(lacking).rejects.toThrow(/no audit key/)
    const note = (await rowOf(made.id)).error
    const looked = await runScoreTraffic({ ...parts, keys: onlineKeys }, { orderId: made.id }, signal)

    expect(rung).toContain(`score-traffic ${made.id}`)
    expect(note).toMatch(/no audit key. Give it the gateways' AVAL_AUDIT_KEY/)
    expect(looked).toBe('waits')
    expect(events).toHaveLength(1)
    expect(await kept()).toHaveLength(1)
    expect(await rowOf(made.id)).toMatchObject({ error: null })
  })

  test('are asked for under the pseudonym that the log has: it is kept as it is, so that a judge’s question is erased too', async () => {
    const subject = pseudonym(onlineKeys, PROJECT, person)
    const id = await say(stable(), 'Gladly.', { open: { subject } })
    await traffic.flush()

    const rows = await open().sql<{ subject: string }[]>`SELECT subject FROM requests WHERE id = ${id}`

    expect(rows).toEqual([{ subject }])
  })

  test('ends with the order that somebody stops, and keeps what it has', async () => {
    await say(stable(), 'Gladly.')
    await traffic.flush()
    const made = await order()
    await lookAt(open(), made.id)

    const stopped = await stopOrder(open().sql, made.id, new Date().toISOString())
    const again = await stopOrder(open().sql, made.id, new Date().toISOString())

    expect([stopped, again, await lookAt(open(), made.id)]).toEqual([true, false, 'nothing'])
    expect(await kept()).toHaveLength(1)
  })

  test('lose the words that an erasure takes, keep the figure, and are never made of words that are gone', async () => {
    await say(stable(), 'Gladly.')
    await say(stable(), 'Gladly.')
    await traffic.flush()
    const { db, sql } = open()
    const subject = pseudonym(onlineKeys, PROJECT, person)
    const erase = () =>
      db.transaction((transaction) =>
        eraseBodies(
          transaction,
          { projectId: PROJECT, subject, progressAt: null, progressId: null, until: new Date() },
          500,
        ),
      )
    const made = await order({ scorers: [POLITE, BRIEF], budget: 1_000n })
    let asked = 0
    const { ask } = scriptedAsk(async () => {
      asked += 1
      if (asked === 2) {
        // The first request is judged beside the second one, and kept before its person is erased.
        await expect.poll(async () => (await kept()).length, { timeout: 20_000 }).toBe(2)
        await erase()
      }
      return { output: yes, cost: 1n, free: false }
    })

    await lookAt(open(), made.id, { ask })

    const scores = await kept()
    expect(scores.map(({ outcome, skip, reason }) => [skip ?? outcome, reason === null])).toEqual([
      ['scored', true],
      ['scored', true],
      ['erased', false],
      ['erased', false],
    ])
    expect(await rowOf(made.id)).toMatchObject({ spent: '2' })
    await expect(sql`UPDATE online_scores SET value = 0.5 WHERE outcome = 'scored'`).rejects.toThrow(
      /never changed/,
    )
    await expect(sql`UPDATE online_scores SET reason = 'Other.' WHERE outcome = 'scored'`).rejects.toThrow(
      /reason/,
    )
  })

  test('go with the day of their requests, and what they quote with the bodies', async () => {
    const day = 86_400_000
    const ages = [40, 20, 1]
    for (const age of ages) await say(stable(), 'Yes.', { open: { startedAtMs: Date.now() - age * day } })
    await traffic.flush()
    const made = await order({ sinceMs: Date.now() - 50 * day })
    await lookAt(open(), made.id)
    const text = (age: number) => new Date(Date.now() - age * day).toISOString().slice(0, 10)

    const gone = { rowsBefore: text(30), rowDays: [text(40)] }
    await forgetScores(open().sql, gone, { bodiesBefore: text(10), bodyDays: [text(40)] })
    const held = await kept()
    await forgetScores(open().sql, { ...gone, rowDays: [] }, { bodiesBefore: text(10), bodyDays: [] })

    expect(held.map(({ reason }) => reason !== null)).toEqual([true, false, true])
    expect((await kept()).map(({ reason }) => reason !== null)).toEqual([false, true])
  })
})
