import { afterAll, beforeAll, expect, test } from 'vitest'
import type { EventRecord } from '../../../src/audit/record.ts'
import { findDataset } from '../../../src/evals/datasets/dataset-versions.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { readActions } from '../../../src/promotion/actions/store.ts'
import { OPEN } from '../../../src/promotion/policy.ts'
import { moveLabel } from '../../../src/promotion/promote.ts'
import { act, acting, anOpenAlert } from '../../support/alert-actions.ts'
import { describeDatabases } from '../../support/database.ts'
import { aModel, onlineKeys, ROUTE, someReleases, someTraffic, type Traffic } from '../../support/online.ts'
import { BEN } from '../../support/promoted.ts'

describeDatabases('the requests that an alert is about', (open) => {
  let traffic: Traffic
  let release = ''
  beforeAll(async () => {
    await aModel(open())
    release = (await someReleases(open()))[0] ?? ''
    const move = { route: ROUTE, label: 'production', to: 1, canary: null, expected: null, reason: 'x' }
    await moveLabel({ db: open().db, clock: systemClock }, BEN, OPEN, move)
    traffic = someTraffic(open())
  })
  afterAll(() => traffic.close())

  /** What the dataset action makes of them. */
  async function made(metric: string, given: { items?: number; value?: number; usual?: number } = {}) {
    const { items = 500, ...figures } = given
    const nowMs = Date.now()
    const times = { beganAtMs: nowMs - 3_600_000, openedAtMs: nowMs + 60_000 }
    const id = await anOpenAlert(open(), ROUTE, { metric, ...figures, ...times })
    const events: EventRecord[] = []
    const policy = acting({ actions: ['dataset'], items })
    await act(open(), id, policy, { keys: onlineKeys, events })
    await act(open(), id, policy, { keys: onlineKeys, events })
    const [row] = await readActions(open().db, 'prj_default', id)
    const name = `${ROUTE}-${id.replace('_', '-')}`
    const rows = await open().sql<{ content: string }[]>`
      SELECT i.content FROM dataset_versions d JOIN dataset_version_items p ON p.dataset_id = d.id
      JOIN dataset_items i ON i.project_id = d.project_id AND i.hash = p.hash WHERE d.name = ${name} ORDER BY p.position`
    const content = rows.map((one) => JSON.parse(one.content) as { source: { request_id: string } })
    return { row, name, events, content, ids: content.map(({ source }) => source.request_id) }
  }

  test('become a dataset that says which they were, once, and each read is on the log first', async () => {
    await traffic.say(release, 'Yes.')
    const failed = await traffic.say(release, '', { close: { outcome: 'upstream_error', status: 502 } })
    await traffic.say(release, 'Replayed.', {
      open: { replayOf: failed },
      close: { outcome: 'timeout', status: 504 },
    })
    const late = await traffic.say(release, '', { close: { outcome: 'timeout', status: 504 } })
    await traffic.flush()

    const { row, name, events, content, ids } = await made('error_rate')

    expect(row).toMatchObject({ outcome: 'done', note: `2 requests are ${name}@1.`, targets: [`${name}@1`] })
    expect(ids).toEqual([late, failed])
    expect(content[0]).toMatchObject({ input: 'May I return shoes?', metadata: { route: ROUTE } })
    expect(content[0]).not.toHaveProperty('output')
    expect(events.map(({ kind, action, detail }) => [kind, action, detail.ids ?? detail.requests])).toEqual([
      ['admin', 'alert.dataset', 2],
      ['access', 'alert.dataset', [late, failed]],
    ])
    const version = await findDataset(open().sql, 'prj_default', name)
    expect(version).toMatchObject({ version: 1, createdBy: 'policy' })
  })

  test('are the worst, as many as the policy allows, beyond what was usual', async () => {
    const slow: string[] = []
    for (const durationMs of [90, 4_000, 9_000, 6_000])
      slow.push(await traffic.say(release, 'Yes.', { close: { durationMs } }))
    await traffic.flush()

    const { ids, content } = await made('latency_p50', { value: 5_000, usual: 3_000, items: 2 })

    expect(ids).toEqual([slow[2], slow[3]])
    expect(content[0]).toMatchObject({ output: 'Yes.' })
  })

  test.each([
    ['requests_per_minute', 'A change of requests_per_minute is about no single request.'],
    ['refusal_rate', `The log has no request of ${ROUTE} that shows it since the change began.`],
  ])('are none for %s, which is said', async (metric, note) => {
    const { row, events } = await made(metric)

    expect(row).toMatchObject({ outcome: 'refused', note })
    expect(events).toMatchObject([{ kind: 'admin', detail: { outcome: 'refused', note } }])
  })

  test('stay shut without an audit key', async () => {
    const id = await anOpenAlert(open(), ROUTE, { metric: 'cut_rate' })
    await act(open(), id, acting({ actions: ['dataset'] }))

    expect(await readActions(open().db, 'prj_default', id)).toMatchObject([
      { outcome: 'refused', note: expect.stringContaining('AVAL_AUDIT_KEY') },
    ])
  })
})
