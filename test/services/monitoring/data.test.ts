import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { EventRecord } from '../../../src/audit/record.ts'
import { readyScorers } from '../../../src/evals/scorers/ready-scorers.ts'
import { sha256Hex } from '../../../src/lib/sha256.ts'
import { openAlert } from '../../../src/monitoring/alerts/alert-rows.ts'
import { hasOwnBar } from '../../../src/monitoring/bars/bar.ts'
import { readMeasured } from '../../../src/monitoring/bars/watch-bars.ts'
import type { CheckDeps } from '../../../src/monitoring/data/check-deps.ts'
import {
  listChecks,
  listDueRoutes,
  listOpenChecks,
  readFindings,
} from '../../../src/monitoring/data/check-rows.ts'
import { readRetrievalPoints, readScorePoints } from '../../../src/monitoring/data/data-points.ts'
import { executeCheck } from '../../../src/monitoring/data/execute-check.ts'
import { queueCheck, queueDueChecks, WINDOWS } from '../../../src/monitoring/data/queue-check.ts'
import { drawRequests } from '../../../src/monitoring/data/sample-rows.ts'
import { type SentinelDeps, scoreSentinels } from '../../../src/monitoring/data/score-sentinels.ts'
import { endUnlookedAlerts, listJudgeChecks } from '../../../src/monitoring/data/sentinel-rows.ts'
import { aRule } from '../../support/alerts.ts'
import { describeDatabases } from '../../support/database.ts'
import { noCode, noVectors, scriptedAsk, unhurried } from '../../support/eval-runs.ts'
import {
  aModel,
  anOrder,
  liveScorer,
  lookAt,
  onlineKeys,
  POLITE,
  someReleases,
  someTraffic,
  type Traffic,
} from '../../support/online.ts'
import { wordModels } from '../../support/word-models.ts'

const PROJECT = 'prj_default'
const DAY_MS = 86_400_000
const NOW_MS = Date.parse('2026-11-20T12:00:00Z')

describeDatabases('data drift', (open) => {
  let traffic: Traffic
  let releases: string[] = []
  let route = ''
  let tests = 0

  beforeAll(async () => {
    await aModel(open())
    traffic = someTraffic(open())
  })
  afterAll(() => traffic.close())
  beforeEach(async () => {
    tests += 1
    route = `watched-${tests}`
    releases = await someReleases(open(), route, 1)
    await open().sql`UPDATE data_checks SET state = 'failed' WHERE state IN ('queued', 'running')`
  })

  const clockAt = (nowMs: number) => ({ nowMs: () => nowMs, monotonicMs: () => performance.now() })
  const say = (question: string, more: { agoMs?: number; subject?: string; cosine?: number } = {}) => {
    const { agoMs = 1000, subject = 'ada', cosine } = more
    const contexts = [{ chunk: 1, document: 'a', hash: 'h', score: 1, cosine: cosine ?? 0.5 }]
    const retrieval = { contexts, without: null, durationMs: 3 }
    return traffic.say(releases[0] ?? '', 'Yes.', {
      open: {
        route,
        subject,
        startedAtMs: NOW_MS - agoMs,
        ...(cosine !== undefined && { index: 'handbook@1' }),
      },
      ...(cosine !== undefined && { close: { retrieval } }),
      body: { model: route, messages: [{ role: 'user', content: question }] },
    })
  }
  const execute = (id: string, more: Partial<CheckDeps> = {}, records: EventRecord[] = []) =>
    executeCheck(
      {
        ...open(),
        clock: clockAt(NOW_MS),
        keys: onlineKeys,
        log: async () => ({ event: async (record) => void records.push(record) }),
        models: async () => wordModels(),
        readsBodies: () => false,
        languageOf: async () => 'en',
        signal: new AbortController().signal,
        ...more,
      },
      id,
    )
  const newest = async () => {
    const checks = await listChecks(open().sql, { projectId: PROJECT, route, sinceMs: 0, limit: 10 })
    const findings = await readFindings(
      open().sql,
      PROJECT,
      checks.map(({ id }) => id),
    )
    return checks.map((check) => ({ ...check, findings: findings.get(check.id) ?? [] }))
  }
  const queue = (windows = WINDOWS) =>
    queueCheck(
      open().sql,
      { projectId: PROJECT, route },
      { nowMs: NOW_MS, askedBy: { id: 'vk_ada', name: 'ada' }, windows },
    )

  test('says before it reads what it reads, keeps what it found once, and without a key opens nothing', async () => {
    const questions = ['where is my parcel', 'how do I cancel', 'may I return shoes']
    const all = [...questions, ...questions].map((question, at) =>
      say(question, { agoMs: at < 3 ? 1000 + at : DAY_MS + 1000 + at }),
    )
    const ids = await Promise.all(all)
    await say('', { agoMs: 5000 })
    await traffic.flush()
    const id = await queue()
    expect(await queue()).toBeNull()
    const records: EventRecord[] = []

    expect(await execute(id ?? '', {}, records)).toBe('done')
    expect(await execute(id ?? '', {}, records)).toBe('nothing')
    await execute((await queue()) ?? '', { keys: null }, records)

    expect(records).toHaveLength(1)
    expect(records[0]).toMatchObject({
      kind: 'access',
      action: 'requests.compare',
      target: id,
      actorName: 'ada',
      detail: { route, requests: 7, ids: expect.arrayContaining(ids) },
    })
    const [closed, check] = await newest()
    expect(check).toMatchObject({ state: 'done', error: null, askedByName: 'ada' })
    // So few tell nothing, which is not that all is well.
    const content = check?.findings.find(({ feature }) => feature === 'question_content')
    expect(content).toMatchObject({ verdict: 'unknown', recentSize: 3, baselineSize: 3 })
    const withoutKey = closed?.findings.find(({ feature }) => feature === 'question_content')
    expect(withoutKey?.reason).toContain('AVAL_AUDIT_KEY')
  })

  test('opens no body of its own accord unless aval.yaml says so, and compares what needs none', async () => {
    await say('one')
    await traffic.flush()
    const due = () => queueCheck(open().sql, { projectId: PROJECT, route }, { nowMs: NOW_MS, askedBy: null })
    const records: EventRecord[] = []

    expect(await execute((await due()) ?? '', {}, records)).toBe('done')
    expect(records).toEqual([])
    const [closed] = await newest()
    const reasonOf = (feature: string) => closed?.findings.find((one) => one.feature === feature)?.reason
    expect(reasonOf('question_content')).toContain('monitoring.read_bodies: true')
    expect(reasonOf('answer_filtered')).toContain('requests tell too little')

    await execute((await due()) ?? '', { readsBodies: () => true }, records)
    expect(records).toHaveLength(1)
  })

  test('ends what somebody asked for was told of questions where no day looks at them again, and nothing else', async () => {
    await say('one')
    await traffic.flush()
    const told = {
      change: 'data',
      beganAtMs: NOW_MS,
      openedAtMs: NOW_MS,
      value: 1,
      usual: 0,
      excess: 1,
    } as const
    for (const metric of ['data:question_topics', 'data:answer_length', 'data:answer_filtered'])
      await openAlert(open().sql, {
        projectId: PROJECT,
        subject: { kind: 'route', name: route },
        metric,
        ...told,
      })
    const daily = async (reads: boolean | null) => {
      const id = await queueCheck(open().sql, { projectId: PROJECT, route }, { nowMs: NOW_MS, askedBy: null })
      await execute(id ?? '', { readsBodies: () => reads })
      const rows = await open().sql<{ metric: string }[]>`
        SELECT metric FROM alerts WHERE subject = ${route} AND ended_at IS NULL ORDER BY metric`
      return rows.map(({ metric }) => metric)
    }
    const all = ['data:answer_filtered', 'data:answer_length', 'data:question_topics']

    expect(await daily(null)).toEqual(all)
    expect(await daily(true)).toEqual(all)
    expect(await daily(false)).toEqual(['data:answer_filtered'])
  })

  test('finds a swapped embedder at the next comparison, whatever is asked, and tells people while it lasts', async () => {
    const alerts = () => open().sql`
      SELECT metric, change, ended_at IS NULL AS lasts FROM alerts WHERE subject = ${route}`
    await say('one')
    await traffic.flush()
    await execute((await queue()) ?? '')
    const swapped = async () => wordModels({ salt: 'other weights' })
    // Whoever looks first tells, with windows of their own too: the next comparison holds it to what it is by then.
    const anHour = { recentMs: 3_600_000, baselineMs: DAY_MS }
    await execute((await queue(anHour)) ?? '', { models: swapped })
    expect(await alerts()).toEqual([{ metric: 'data:embedder:local/embed', change: 'data', lasts: true }])
    // One that cannot be asked is unknown: it costs nothing else of the comparison, and ends no alert.
    const silent = async () => {
      const digestOf = async () => await Promise.reject(new Error('no such file'))
      return { ...wordModels(), digestOf }
    }
    expect(await execute((await queue()) ?? '', { models: silent, keys: null })).toBe('done')
    expect(await alerts()).toMatchObject([{ lasts: true }])
    // From now on it is held to what it has become.
    await execute((await queue()) ?? '', { models: swapped })
    const embedders = (await newest()).map(
      ({ findings }) => findings.find(({ feature }) => feature === 'embedder:local/embed')?.verdict,
    )
    expect(embedders).toEqual(['same', 'unknown', 'drift', 'same'])
    expect(await alerts()).toMatchObject([{ lasts: false }])
  })

  test('draws the same requests for the same seed, and no more than five of one person', async () => {
    const subjects = [...new Array<string>(12).fill('busy'), 'one', 'two', 'three', 'four']
    await Promise.all(subjects.map((subject, at) => say('one', { agoMs: 1000 + at, subject })))
    await traffic.flush()
    const span = { projectId: PROJECT, route, fromMs: NOW_MS - DAY_MS, toMs: NOW_MS }
    const drawn = await drawRequests(open().sql, { ...span, seed: 1 }, 100)
    expect(drawn).toHaveLength(9)
    expect(await drawRequests(open().sql, { ...span, seed: 1 }, 100)).toEqual(drawn)
    expect(await drawRequests(open().sql, { ...span, projectId: 'prj_other', seed: 1 }, 100)).toEqual([])
    const due = { sinceMs: NOW_MS - DAY_MS, untilMs: NOW_MS, limit: 10 }
    expect(await listDueRoutes(open().sql, { ...due, least: 16 })).toContainEqual({
      projectId: PROJECT,
      route,
    })
    // What somebody asks for is no day's comparison.
    await queue()
    expect(await listDueRoutes(open().sql, { ...due, least: 16 })).toHaveLength(1)
    await open().sql`UPDATE data_checks SET state = 'failed' WHERE route = ${route}`
    expect(await queueDueChecks(open().sql, NOW_MS)).toBe(0)
    await queueCheck(open().sql, { projectId: PROJECT, route }, { nowMs: NOW_MS, askedBy: null })
    expect(await listDueRoutes(open().sql, { ...due, least: 16 })).not.toContainEqual({
      projectId: PROJECT,
      route,
    })
  })

  test('draws in the order of the SHA-256 of seed and id, however many pages the log is read in', async () => {
    const all = Array.from({ length: 11 }, (_, at) => say('one', { agoMs: 1000 + at, subject: `sub_${at}` }))
    const ids = await Promise.all(all)
    await traffic.flush()
    const inOrder = ids.toSorted((a, b) => (sha256Hex(`3 ${a}`) < sha256Hex(`3 ${b}`) ? -1 : 1))
    const query = { projectId: PROJECT, route, fromMs: NOW_MS - DAY_MS, toMs: NOW_MS, seed: 3 }
    for (const page of [3, 1000]) {
      expect((await drawRequests(open().sql, query, 2, { page })).map(({ id }) => id)).toEqual(
        inOrder.slice(0, 2),
      )
      expect((await drawRequests(open().sql, query, 20, { page })).map(({ id }) => id)).toEqual(inOrder)
    }
  })

  test('one comparison is under way at a time, and that of a dead worker is taken over', async () => {
    const id = (await queue()) ?? ''
    await open()
      .sql`UPDATE data_checks SET state = 'running', run = 'dead', updated_at = ${new Date(NOW_MS - 1000).toISOString()}::timestamptz WHERE id = ${id}`
    const other = (await queue()) ?? ''
    expect(await execute(other)).toBe('nothing')
    expect(await listOpenChecks(open().sql, NOW_MS - 25_000, 10)).toEqual([other])
    expect(await execute(id, { clock: clockAt(NOW_MS + 60_000) })).toBe('done')
    expect(await execute(other)).toBe('done')
    await expect(open().sql`DELETE FROM data_findings WHERE check_id = ${id}`).rejects.toThrow(
      'never changed',
    )
  })

  test('gives points of retrieval by index version, and of scores with what was not scored beside them', async () => {
    for (const cosine of [0.2, 0.4, 0.9]) await say('one', { agoMs: 1000, cosine })
    await say('', { agoMs: 1000 })
    await traffic.flush()
    const fromMs = NOW_MS - 600_000
    const points = await readRetrievalPoints(open().sql, { projectId: PROJECT, fromMs, toMs: NOW_MS })
    const atMs = NOW_MS - 300_000
    expect(points.filter((point) => point.route === route)).toEqual([
      { atMs, route, metric: 'retrieval_cosine_p50:handbook@1', value: 0.4, count: 3 },
      { atMs, route, metric: 'retrieval_empty:handbook@1', value: 0, count: 3 },
    ])

    const sinceMs = NOW_MS - DAY_MS
    const brief = liveScorer({ name: 'brief', kind: 'word-count', max: 3 })
    const made = await anOrder(open(), { route, releases: [1], scorers: [brief], sinceMs, untilMs: NOW_MS })
    const clock = clockAt(NOW_MS + 1000)
    await lookAt(open(), made.id, { clock })
    const query = { projectId: PROJECT, fromMs: NOW_MS, toMs: NOW_MS + 300_000 }
    const scores = (await readScorePoints(open().sql, query)).filter((point) => point.route === route)
    const named = Object.fromEntries(scores.map(({ metric, value, count }) => [metric, [value, count]]))
    expect(named).toEqual({
      'score:brief': [1, 1],
      'score_abstained:brief': [0, 4],
      'score_errors:brief': [0, 4],
      'score_skipped:brief': [0.75, 4],
    })

    // Held against a bar, a window is one, and has enough or none.
    for (const agoMs of [400_000, 700_000]) await say('one', { agoMs, cosine: 0.8 })
    await traffic.flush()
    const barred = async (overMs: number) => {
      const bar = {
        side: 'above',
        limit: 0.5,
        overMs,
        forMs: 600_000,
        metric: 'retrieval_empty:handbook@1',
      } as const
      const bars = [aRule({ name: 'empty', bar })].filter(hasOwnBar)
      const measured = await readMeasured(open().sql, { projectId: PROJECT, bars }, NOW_MS)
      return (measured.get(overMs) ?? []).filter((point) => point.route === route)
    }
    expect(await barred(900_000)).toEqual([
      { atMs: NOW_MS - 900_000, route, metric: 'retrieval_cosine_p50:handbook@1', value: 0.8, count: 5 },
      { atMs: NOW_MS - 900_000, route, metric: 'retrieval_empty:handbook@1', value: 0, count: 5 },
    ])
    expect(await barred(600_000)).toEqual([])
    const late = { ...query, fromMs: NOW_MS - 100_000, asOne: true }
    const asOne = (await readScorePoints(open().sql, late)).filter((point) => point.route === route)
    expect(asOne).toEqual(scores.map((point) => ({ ...point, atMs: late.fromMs })))
  })

  const judged = (yes: (at: number) => boolean) => {
    let at = 0
    return scriptedAsk(() => JSON.stringify({ reason: 'So.', meets: yes(at++) ? 'Y' : 'N' })).ask
  }
  /** Thirty answers, judged by turns: what each is held to. */
  const judgedOrder = async () => {
    await Promise.all(Array.from({ length: 30 }, (_, at) => say(`question ${at}`, { agoMs: 1000 + at })))
    await traffic.flush()
    const made = await anOrder(open(), {
      route,
      releases: [1],
      scorers: [POLITE],
      sinceMs: NOW_MS - DAY_MS,
      untilMs: NOW_MS + 9 * DAY_MS,
      budget: 1_000_000n,
    })
    await lookAt(open(), made.id, { ask: judged((at) => at % 2 === 0), clock: clockAt(NOW_MS) })
    return made.id
  }
  const judgeAgain = (id: string, days: number, ask: SentinelDeps['ask'], endMs = Number.MAX_VALUE) =>
    scoreSentinels(
      {
        ...open(),
        random: () => 0,
        pace: unhurried,
        keys: onlineKeys,
        log: { event: async () => undefined },
        embed: noVectors,
        evaluate: noCode,
        prepare: readyScorers,
        signal: new AbortController().signal,
        clock: clockAt(NOW_MS + days * DAY_MS),
        endMs,
        ask,
      },
      id,
    )
  const openAlerts = async () => {
    const rows = await open().sql<{ metric: string }[]>`
      SELECT metric FROM alerts WHERE subject = ${route} AND ended_at IS NULL ORDER BY metric`
    return rows.map(({ metric }) => metric)
  }

  test('tells a judge that turned lenient, asks for each answer once a day, and ends the alert with the order', async () => {
    const id = await judgedOrder()
    const lenient = judged(() => true)
    let asked = 0
    const counted: SentinelDeps['ask'] = async (call) => {
      asked += 1
      return await lenient(call)
    }

    // Out of time before the first of them: the day goes on in the next round.
    expect(await judgeAgain(id, 1, counted, -1)).toBe(0)
    const both = await Promise.all([judgeAgain(id, 1, counted), judgeAgain(id, 1, counted)])
    expect(both.toSorted()).toEqual([0, 1])
    expect(await judgeAgain(id, 1, counted)).toBe(0)
    expect(asked).toBe(30)

    const query = { projectId: PROJECT, route, sinceMs: 0, limit: 10 }
    const [check] = await listJudgeChecks(open().sql, query)
    expect(check).toMatchObject({ verdict: 'judge_drift', sentinels: 30, scored: 30, agreement: 0.5 })
    expect(check?.judge?.mean).toBeCloseTo(0.5, 6)
    expect(await openAlerts()).toEqual(['data:judge:polite'])
    await expect(open().sql`UPDATE sentinel_scores SET value = 0`).rejects.toThrow('never changed')

    await endUnlookedAlerts(open().sql, true, NOW_MS)
    expect(await openAlerts()).toEqual(['data:judge:polite'])
    await open().sql`UPDATE online_orders SET state = 'stopped' WHERE id = ${id}`
    await endUnlookedAlerts(open().sql, true, NOW_MS)
    expect(await openAlerts()).toEqual([])
  })

  test('ends the alerts of judges that nobody gives answers again', async () => {
    const id = await judgedOrder()
    await judgeAgain(
      id,
      1,
      judged(() => true),
    )
    expect(await openAlerts()).toEqual(['data:judge:polite'])
    await endUnlookedAlerts(open().sql, false, NOW_MS)
    expect(await openAlerts()).toEqual([])
  })

  test('asks no judge whose price is not known, and an order tells nothing while a newer one can', async () => {
    const id = await judgedOrder()
    const { id: newer } = await anOrder(open(), {
      route,
      releases: [1],
      scorers: [POLITE],
      sinceMs: NOW_MS,
      untilMs: NOW_MS + DAY_MS,
      budget: 1_000_000n,
    })
    const lenient = judged(() => true)
    await open().sql`
      INSERT INTO judge_checks (order_id, rules_hash, on_day, project_id, route, scorer, sentinels, scored, live_scored, verdict, reason,
        checked_at)
      VALUES (${newer}, 'rules', ${new Date(NOW_MS + DAY_MS).toISOString().slice(0, 10)}::text::date, ${PROJECT}, ${route}, 'polite', 30, 30, 50,
        'neither', 'As before.', now())`
    expect(await judgeAgain(id, 1, lenient)).toBe(1)
    expect(await openAlerts()).toEqual([])

    await open().sql`UPDATE online_orders SET unpriced = 1 WHERE id = ${id}`
    const nobody = async () => await Promise.reject(new Error('nobody is asked'))
    expect(await judgeAgain(id, 2, nobody)).toBe(1)
    const [check] = await listJudgeChecks(open().sql, { projectId: PROJECT, route, sinceMs: 0, limit: 10 })
    expect(check).toMatchObject({ verdict: 'unknown', scored: 0 })

    // What the newer one said is three days old by now.
    await open().sql`UPDATE online_orders SET unpriced = 0 WHERE id = ${id}`
    expect(await judgeAgain(id, 4, lenient)).toBe(1)
    expect(await openAlerts()).toEqual(['data:judge:polite'])
  })

  test('ends alerts of what a route no longer searches, and tells nobody of windows that somebody chose', async () => {
    const alertOf = (metric: string) =>
      openAlert(open().sql, {
        projectId: PROJECT,
        subject: { kind: 'route', name: route },
        metric,
        change: 'data',
        beganAtMs: NOW_MS,
        openedAtMs: NOW_MS,
        value: null,
        usual: null,
        excess: 1,
      })
    for (const of of ['retrieval_empty:old@1', 'embedder:old@1', 'question_topics'])
      await alertOf(`data:${of}`)
    await say('one')
    await traffic.flush()
    const hours = { recentMs: 3_600_000, baselineMs: DAY_MS }
    const askedBy = { id: 'vk_ada', name: 'ada' }
    const chosen = { nowMs: NOW_MS, askedBy, windows: hours }
    await execute((await queueCheck(open().sql, { projectId: PROJECT, route }, chosen)) ?? '')
    expect(await openAlerts()).toHaveLength(3)
    await execute((await queue()) ?? '')
    expect(await openAlerts()).toEqual(['data:question_topics'])
  })
})
