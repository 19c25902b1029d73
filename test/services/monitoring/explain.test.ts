/** Why a metric changed, from the sums of real tables: which windows, which causes, and what was changed nearby. */

import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { RequestError } from '../../../src/errors.ts'
import { newId } from '../../../src/lib/ids.ts'
import type { Alert } from '../../../src/monitoring/alerts/alert.ts'
import { explainAlert, explainChange } from '../../../src/monitoring/explain/explain.ts'
import { OPEN } from '../../../src/promotion/policy.ts'
import { anAlert } from '../../support/alerts.ts'
import { describeDatabases } from '../../support/database.ts'
import { row } from '../../support/place-rows.ts'
import { releaseOf, stageOf } from '../../support/promoted.ts'
import { insertMinute } from '../../support/rollup-rows.ts'

const MINUTE_MS = 60_000
const WEEK_MS = 7 * 86_400_000
const ROUTE = 'support-answer'
const PROJECT = 'prj_default'

describeDatabases('an explanation', (open) => {
  /** When the label moved to r2. */
  let movedAtMs: number
  let releases: { id: string }[]
  const mini = () => ({ route: ROUTE, model: 'gpt-4o-mini', price: 'price_mini' })
  const alertAt = (beganAtMs: number, given: Partial<Alert> = {}): Alert => ({
    ...anAlert({ beganAtMs, openedAtMs: beganAtMs + 30 * MINUTE_MS }),
    id: 'alr_1',
    bar: null,
    endedAtMs: null,
    explanation: null,
    acked: null,
    ...given,
  })

  const setPrice = async (id: string, values: { input: number; output: number; atMs: number }) => {
    await open()
      .sql`INSERT INTO prices (id, project_id, upstream, model, valid_from, source, input, output, created_by, created_at)
      VALUES (${id}, ${PROJECT}, 'openai', 'gpt-4o-mini', ${new Date(values.atMs).toISOString()}, 'by hand', ${values.input},
        ${values.output}, 'vk_1', now())`
  }

  beforeAll(async () => {
    const { sql } = open()
    releases = [await releaseOf(open(), ROUTE), await releaseOf(open(), ROUTE)]
    const stage = stageOf(open, ROUTE)
    for (const number of [1, 2]) await stage.advance(await stage.request(number, OPEN))
    const [moved] = await sql<{ at: string }[]>`
      SELECT (extract(epoch FROM max(decided_at)) * 1000)::text AS at FROM decisions WHERE route = ${ROUTE}`
    movedAtMs = Number(moved?.at)
    await setPrice('price_mini', { input: 150_000, output: 600_000, atMs: movedAtMs - WEEK_MS })
    const [first, second] = releases
    for (let minute = -30; minute < 30; minute += 10) {
      const place = { ...mini(), releaseId: (minute < 0 ? first : second)?.id ?? null }
      const output = minute < 0 ? 200 : 300
      const [at, asked] = [movedAtMs + (minute + 2) * MINUTE_MS, { requests: 100, input: 1000, output }]
      await insertMinute(sql, PROJECT, at, row(place, asked))
      await insertMinute(sql, 'prj_other', at, row(place, { ...asked, requests: 7777, output: 9 }))
    }
  })

  test('of an alert names the cause, the release that began it, and adds up', async () => {
    const explanation = await explainAlert(open().sql, alertAt(movedAtMs + MINUTE_MS))

    expect(explanation).toMatchObject({
      baseline: { kind: 'just_before', why: 'the same length right before: much the same hours of the day' },
      before: { requests: 300, level: 270 },
      after: { requests: 300, level: 330 },
      measure: 'cost_per_request',
      base: 270,
      difference: 60,
      unit: 'micro_usd',
      causes: [{ cause: 'output_tokens', amount: expect.closeTo(60, 6) }],
      unknowns: [],
      segments: [
        { dimension: 'release', amount: expect.closeTo(30, 6) },
        { dimension: 'release', amount: expect.closeTo(30, 6) },
      ],
    })
    expect(explanation.segments.map(({ value }) => value).toSorted()).toEqual([`${ROUTE}@r1`, `${ROUTE}@r2`])
    expect(explanation.changes[0]).toEqual({
      kind: 'release',
      atMs: expect.closeTo(movedAtMs, 0),
      target: `${ROUTE}@r2`,
      text: 'production moved to r2',
    })
  })

  test('takes the same hours a week before where right before nothing was asked', async () => {
    const route = 'weekly'
    const at = movedAtMs
    const place = { ...mini(), route }
    await insertMinute(
      open().sql,
      PROJECT,
      at - WEEK_MS + 5 * MINUTE_MS,
      row(place, { requests: 80, input: 1000, output: 200 }),
    )
    await insertMinute(
      open().sql,
      PROJECT,
      at + 5 * MINUTE_MS,
      row(place, { requests: 100, input: 1500, output: 200 }),
    )

    const explanation = await explainAlert(
      open().sql,
      alertAt(at, { subject: { kind: 'route', name: route } }),
    )

    expect(explanation.baseline).toEqual({
      kind: 'week_before',
      why: 'the same hours a week before: right before it nothing was asked',
    })
    expect(explanation.before.requests).toBe(80)
    expect(explanation.causes).toEqual([{ cause: 'input_tokens', amount: expect.closeTo(75, 6) }])
  })

  test('of what is asked of an upstream directly is of those requests alone', async () => {
    const place = { ...mini(), route: null, upstream: 'vendor', model: 'org/direct' }
    for (const [minute, output] of [
      [-5, 200],
      [5, 300],
    ] as const) {
      const at = movedAtMs + minute * MINUTE_MS
      await insertMinute(open().sql, PROJECT, at, row(place, { requests: 90, input: 1000, output }))
      const routed = { ...place, route: 'routed' }
      await insertMinute(open().sql, PROJECT, at, row(routed, { requests: 500, input: 1000, output }))
    }

    const subject = { kind: 'route', name: 'vendor/org/direct' } as const
    const explanation = await explainAlert(open().sql, alertAt(movedAtMs, { subject }))

    expect([explanation.before.requests, explanation.after.requests]).toEqual([90, 90])
    expect(explanation.difference).toBeGreaterThan(0)
  })

  test('tells a new price from tokens that changed with it, and when a model first served', async () => {
    const route = 'dearer'
    const at = movedAtMs + 20 * MINUTE_MS
    await setPrice('price_mini_2', { input: 180_000, output: 720_000, atMs: at })
    const large = { route, model: 'gpt-4o', price: null }
    await insertMinute(
      open().sql,
      PROJECT,
      at - 5 * MINUTE_MS,
      row({ ...mini(), route }, { requests: 100, input: 1000, output: 200 }),
    )
    const now = row({ ...mini(), route, price: 'price_mini_2' }, { requests: 100, input: 1000, output: 300 })
    await insertMinute(open().sql, PROJECT, at + 2 * MINUTE_MS, now)
    await insertMinute(
      open().sql,
      PROJECT,
      at + 6 * MINUTE_MS,
      row(large, { requests: 7, input: 10, cost: null }),
    )

    const explanation = await explainAlert(
      open().sql,
      alertAt(at, { subject: { kind: 'route', name: route } }),
    )

    expect(explanation.causes).toEqual([
      { cause: 'output_tokens', amount: expect.closeTo(66, 6) },
      { cause: 'price', amount: expect.closeTo(60, 6) },
    ])
    expect(explanation.unknowns).toEqual([{ reason: 'unpriced', requests: 7 }])
    expect(explanation.changes).toEqual([
      {
        kind: 'price',
        atMs: Math.round(at),
        target: 'price_mini_2',
        text: 'new price of openai/gpt-4o-mini',
      },
      {
        kind: 'model',
        atMs: expect.any(Number),
        target: 'openai/gpt-4o',
        text: 'first requests to openai/gpt-4o',
      },
    ])
  })

  test('lists indexes and reloads too, nearest first, ten at most, and nothing of another project', async () => {
    const { sql } = open()
    const at = movedAtMs + 3 * WEEK_MS
    for (let version = 1; version <= 12; version += 1) {
      const iso = new Date(at - version * MINUTE_MS).toISOString()
      const project = version === 2 ? 'prj_other' : PROJECT
      await sql`INSERT INTO audit_events (writer, seq, id, kind, at, project_id, action, detail, record, trail)
        VALUES (${randomUUID()}, ${version}, ${newId('evt', at)}, 'admin', ${iso}, ${project}, 'config.reload', '{}', '', '')`
    }
    await sql`INSERT INTO index_versions (id, project_id, name, version, hash, content, created_by, created_at)
      VALUES (${newId('iv', at)}, ${PROJECT}, 'handbook', 5, 'hash', '{}', 'vk_1', ${new Date(at - 2 * MINUTE_MS).toISOString()})`
    const { changes } = await explainAlert(
      sql,
      alertAt(at, { subject: { kind: 'upstream', name: 'openai' } }),
    )

    expect(changes.map(({ atMs }) => Math.round((at - atMs) / MINUTE_MS))).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
    ])
    expect(changes[1]).toMatchObject({ kind: 'index', target: 'handbook@5', text: 'handbook@5 was made' })
    expect(changes[0]).toMatchObject({
      kind: 'config',
      target: expect.stringMatching(/^evt_/),
      text: 'aval.yaml was read anew',
    })
  })

  test('of a time whose minutes are gone, and of more than a day, reads whole hours and says which', async () => {
    const { sql } = open()
    const [route, hour] = ['long-ago', 3_600_000]
    const at = Math.floor(movedAtMs / hour) * hour - 6 * WEEK_MS
    const place = { ...mini(), route }
    await insertMinute(
      sql,
      PROJECT,
      at - 30 * MINUTE_MS,
      row(place, { requests: 100, input: 1000, output: 200 }),
    )
    await insertMinute(
      sql,
      PROJECT,
      at + 30 * MINUTE_MS,
      row(place, { requests: 100, input: 1000, output: 300 }),
    )
    await sql`DELETE FROM rollup_minutes WHERE place IN (SELECT id FROM rollup_places WHERE route = ${route})`
    const ask = (metric: string, lengthMs: number) => {
      const began = at + 10 * MINUTE_MS
      const [before, after] = [
        { fromMs: began - lengthMs, toMs: began },
        { fromMs: began, toMs: began + lengthMs },
      ]
      const subject = { kind: 'route', name: route } as const
      return explainChange(sql, { projectId: PROJECT, subject, metric, beganAtMs: began, before, after })
    }

    const short = await ask('cost_per_request', hour)
    const long = await ask('spend', 48 * hour)

    expect(short.after).toMatchObject({ fromMs: at, toMs: at + hour, requests: 100 })
    expect(short.causes).toEqual([{ cause: 'output_tokens', amount: expect.closeTo(60, 6) }])
    expect(long.before).toMatchObject({ fromMs: at - 48 * hour, toMs: at, requests: 100, level: 27_000 })
    expect(long.causes).toEqual([{ cause: 'output_tokens', amount: 6000 }])
  })

  test('without traffic says so, and of a metric without parts too', async () => {
    const nobody = alertAt(movedAtMs, { subject: { kind: 'route', name: 'nobody' } })
    const { causes, unknowns } = await explainAlert(open().sql, nobody)
    expect({ causes, unknowns }).toEqual({
      causes: [],
      unknowns: [
        { reason: 'no_traffic_before', requests: 0 },
        { reason: 'no_traffic_after', requests: 0 },
      ],
    })
    const data = await explainAlert(open().sql, alertAt(movedAtMs + MINUTE_MS, { metric: 'input_drift' }))
    expect(data).toMatchObject({ measure: null, causes: [], unknowns: [{ reason: 'no_parts' }] })
    expect(data.changes[0]?.target).toBe(`${ROUTE}@r2`)
  })

  test('of spend refuses windows of two lengths', async () => {
    const after = { fromMs: movedAtMs, toMs: movedAtMs + 10 * MINUTE_MS }
    const before = { fromMs: movedAtMs - 20 * MINUTE_MS, toMs: movedAtMs }
    const subject = { kind: 'route', name: ROUTE } as const
    const question = { projectId: PROJECT, subject, metric: 'spend', beganAtMs: movedAtMs, before, after }
    await expect(explainChange(open().sql, question)).rejects.toThrow(RequestError)
  })

  describe('of a score', () => {
    test('is each release by itself, and traffic that moved between them', async () => {
      const { sql } = open()
      const at = movedAtMs
      const [older, order] = [newId('onl', at - 1000), newId('onl', at)]
      for (const id of [older, order]) {
        await sql`INSERT INTO online_orders (id, project_id, route, content, hash, state, looked_to, created_by, created_at, updated_at)
          VALUES (${id}, ${PROJECT}, ${ROUTE}, '{}', 'h', 'running', now(), 'vk_1', now(), now())`
      }
      const score = async (release: number, count: number, value: number, atMs: number, rules = 'newest') => {
        const iso = new Date(atMs).toISOString()
        // Judged hours after it began: a point belongs to the time of its judgement.
        const began = new Date(atMs - 300 * MINUTE_MS).toISOString()
        await sql`INSERT INTO online_scores (request_id, rules_hash, project_id, release_id, order_id, scorer, kind, version, outcome,
            value, started_at, day, scored_at)
          SELECT ${`${release}${value}${atMs}${rules}`} || n, ${rules}, ${PROJECT}, ${releases[release]?.id ?? ''}, ${rules === 'newest' ? order : older}, 'groundedness',
            'groundedness', 1, 'scored', ${value}, ${began}, ${began.slice(0, 10)}::date, ${iso}
          FROM generate_series(1, ${count}) AS n`
      }
      await score(0, 40, 0.9, at - 5 * MINUTE_MS)
      await score(0, 20, 0.9, at + 5 * MINUTE_MS)
      await score(1, 20, 0.5, at + 5 * MINUTE_MS)
      await score(0, 10, 0.2, at - 5 * MINUTE_MS, 'abcdef0123')
      await score(0, 10, 0.3, at + 5 * MINUTE_MS, 'abcdef0123')

      const explanation = await explainAlert(sql, alertAt(at, { metric: 'score:groundedness' }))

      expect(explanation).toMatchObject({
        measure: 'mean_score',
        base: expect.closeTo(0.9, 9),
        difference: expect.closeTo(-0.2, 9),
        causes: [{ cause: 'mix', amount: expect.closeTo(-0.2, 9) }],
        before: { requests: 40 },
        after: { requests: 40 },
      })
      expect(explanation.segments[0]).toEqual({
        dimension: 'release',
        value: `${ROUTE}@r2`,
        amount: expect.closeTo(-0.15, 9),
      })

      // By other rules it is another series.
      expect(await explainAlert(sql, alertAt(at, { metric: 'score:groundedness#abcdef01' }))).toMatchObject({
        base: expect.closeTo(0.2, 9),
        difference: expect.closeTo(0.1, 9),
        before: { requests: 10 },
      })
    })

    test('of more releases than are told apart says so, and the rest is in the difference', async () => {
      const { sql } = open()
      const at = movedAtMs
      const order = newId('onl', at + 1000)
      await sql`INSERT INTO online_orders (id, project_id, route, content, hash, state, looked_to, created_by, created_at, updated_at)
        VALUES (${order}, ${PROJECT}, ${ROUTE}, '{}', 'h', 'running', now(), 'vk_1', now(), now())`
      for (const [value, ms] of [
        [1, at - 5 * MINUTE_MS],
        [0, at + 5 * MINUTE_MS],
      ] as const) {
        const iso = new Date(ms).toISOString()
        await sql`INSERT INTO online_scores (request_id, rules_hash, project_id, release_id, order_id, scorer, kind, version, outcome,
            value, started_at, day, scored_at)
          SELECT ${`many${value}`} || n, 'many', ${PROJECT}, 'rel_' || n, ${order}, 'many', 'many', 1, 'scored', ${value}::float8,
            ${iso}, ${iso.slice(0, 10)}::date, ${iso}
          FROM generate_series(1, 203) AS n`
      }

      const explanation = await explainAlert(sql, alertAt(at, { metric: 'score:many' }))

      expect(explanation).toMatchObject({
        difference: expect.closeTo(-1, 9),
        causes: [{ cause: 'within', amount: expect.closeTo(-1, 9) }],
        unknowns: [{ reason: 'places_left_out', requests: 6 }],
        before: { requests: 203 },
      })
    })
  })
})
