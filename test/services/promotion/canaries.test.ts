import { describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/lib/clock.ts'
import { readArm } from '../../../src/promotion/canary/arms-rows.ts'
import { listLooks } from '../../../src/promotion/canary/store.ts'
import { type CanaryPolicy, OPEN, type Policy } from '../../../src/promotion/policy.ts'
import type { PromotionRow } from '../../../src/promotion/requests/store.ts'
import { rollBack } from '../../../src/promotion/rollback.ts'
import { findLabel } from '../../../src/registry/releases/store.ts'
import { describeDatabases } from '../../support/database.ts'
import { releaseOf, stageOf, traffic } from '../../support/promoted.ts'

const MINUTE = 60_000
const PLAN: CanaryPolicy = {
  stages: [100, 5000],
  holdMs: 30 * MINUTE,
  requestsMin: 100,
  maxWaitMs: 24 * 60 * MINUTE,
  alpha: 0.05,
  advance: 'unharmed',
  margins: { errors: 0.02, latency: { quantile: 0.95, ratio: 0.2 } },
  sample: 1,
  budget: null,
}
const WATCHED: Policy = { ...OPEN, name: 'watched', canary: PLAN }

describeDatabases('a canary', (open) => {
  /** Of r2 beside r1, that has begun. */
  async function aCanary(route: string, policy: Policy = WATCHED) {
    let nowMs = Date.now()
    const clock = { ...systemClock, nowMs: () => nowMs }
    const stage = stageOf(open, route, { clock })
    const [stable, candidate] = [await releaseOf(open(), route), await releaseOf(open(), route)]
    await stage.advance(await stage.request(1, OPEN))
    const row = await stage.advance(await stage.request(2, policy))
    const asked = async (release: typeof stable, count: number, more: object = {}) =>
      await traffic(open(), route, { release, count, at: new Date(nowMs), ...more })
    return {
      ...stage,
      row,
      stable,
      candidate,
      asked,
      later: (ms: number) => {
        nowMs += ms
      },
      label: async () => await findLabel(open().db, 'prj_default', route, 'production'),
    }
  }
  const looksOf = async (row: PromotionRow) =>
    (await listLooks(open().db, row.id, 100)).map(({ stage, decision }) => ({ stage, decision })).toReversed()

  test('that does no harm is taken on from stage to stage until it serves everybody', async () => {
    const canary = await aCanary('harmless')
    expect(canary.row).toMatchObject({ state: 'canary', stage: 0 })
    expect(await canary.label()).toMatchObject({
      releaseId: canary.stable.id,
      canaryReleaseId: canary.candidate.id,
      canaryWeight: 100,
    })

    await canary.asked(canary.stable, 2000)
    await canary.asked(canary.candidate, 150)
    canary.later(10 * MINUTE)
    const waits = await canary.advance(canary.row)
    expect(waits.note).toContain('The stage lasts 20 min more of 30 min.')
    canary.later(20 * MINUTE)
    expect(await canary.advance(canary.row)).toMatchObject({ state: 'canary', stage: 1 })
    expect(await canary.label()).toMatchObject({ canaryWeight: 5000 })
    await canary.asked(canary.candidate, 150)
    canary.later(30 * MINUTE)
    const alone = await canary.advance(canary.row)
    expect(alone).toMatchObject({ state: 'canary', stage: 1 })
    expect(alone.note).toContain('what is stable has no value yet')
    await canary.asked(canary.stable, 150)

    expect(await canary.advance(canary.row)).toMatchObject({ state: 'promoted' })
    expect(await canary.label()).toMatchObject({ releaseId: canary.candidate.id, canaryReleaseId: null })
    expect((await looksOf(canary.row)).filter(({ decision }) => decision === 'advance')).toHaveLength(2)
    const kinds = await open().sql<{ kind: string }[]>`
      SELECT kind FROM decisions WHERE promotion_id = ${canary.row.id} ORDER BY id`
    expect(kinds.map(({ kind }) => kind)).toEqual(['canary', 'canary', 'promotion'])
    expect(canary.records.map(({ action }) => action)).toEqual(
      expect.arrayContaining(['promotion.canary', 'promotion.promoted']),
    )
  })

  test.each([
    ['whose upstream dies', { outcome: 'upstream_error' }, 'errors'],
    ['that has become slow', { ms: 200 }, 'latency'],
    ['whose prompt refuses what apps send', { outcome: 'rejected' }, 'errors'],
    ['that apps give up waiting for', { ms: 200, outcome: 'client_abort' }, 'latency'],
  ])('%s is taken back with the numbers', async (_what, how, metric) => {
    const canary = await aCanary(`harmful-${Object.values(how).join('-').replaceAll('_', '-')}`)
    await canary.asked(canary.stable, 3000)
    await canary.asked(canary.candidate, 600, how)
    canary.later(MINUTE)

    const row = await canary.advance(canary.row)

    expect(row.state).toBe('rolled_back')
    expect(row.note).toContain(metric)
    expect(row.note).toMatch(/r2 was taken back from 1 %/)
    expect(await canary.label()).toMatchObject({ releaseId: canary.stable.id, canaryReleaseId: null })
    const [look] = await listLooks(open().db, row.id, 1)
    expect(look?.decision).toBe('roll_back')
    expect(JSON.parse(look?.content ?? '')).toMatchObject({ cause: 'harm' })
  })

  test('is looked at on from where it was, late rows included, with the figures of all rows read at once', async () => {
    const canary = await aCanary('looked-on')
    const since = new Date(Date.now() - MINUTE).toISOString()
    const window = {
      projectId: 'prj_default',
      route: 'looked-on',
      label: 'production',
      releaseId: canary.candidate.id,
      since,
    }
    await canary.asked(canary.candidate, 40)
    const first = await readArm(open().sql, window)
    await canary.asked(canary.candidate, 30, { ms: 250, at: new Date(Date.now() - MINUTE / 2) })
    await canary.asked(canary.candidate, 5, { outcome: 'timeout' })
    const second = await readArm(open().sql, window, first)
    const again = await readArm(open().sql, window, second)

    expect(first.arm.requests).toBe(40)
    expect(second.arm).toMatchObject({ requests: 75, errors: 5, cost: { known: 75 } })
    expect(second).toEqual(await readArm(open().sql, window))
    expect(again).toBe(second)
    // Before the canary: not its traffic.
    await canary.asked(canary.candidate, 7, { at: new Date(Date.now() - 5 * MINUTE) })
    expect((await readArm(open().sql, window, second)).arm).toEqual(second.arm)
  })

  test('is not blamed for the hour: what both releases meet in a stage is compared within it', async () => {
    const canary = await aCanary('hours')
    // A quiet hour, nearly all of it served by what is stable.
    await canary.asked(canary.stable, 3000, { ms: 20 })
    await canary.asked(canary.candidate, 120, { ms: 20 })
    canary.later(30 * MINUTE)
    expect(await canary.advance(canary.row)).toMatchObject({ state: 'canary', stage: 1 })
    // A slow hour, for everybody.
    await canary.asked(canary.stable, 600, { ms: 200 })
    await canary.asked(canary.candidate, 600, { ms: 200 })
    canary.later(30 * MINUTE)

    expect(await canary.advance(canary.row)).toMatchObject({ state: 'promoted' })
  })

  test('whose traffic stops waits, and is taken back when the longest wait is over', async () => {
    const canary = await aCanary('silent')
    canary.later(2 * 60 * MINUTE)
    const waits = await canary.advance(canary.row)
    expect(waits).toMatchObject({ state: 'canary' })
    expect(waits.note).toContain('0 of 100 requests')
    canary.later(23 * 60 * MINUTE)

    expect(await canary.advance(canary.row)).toMatchObject({
      state: 'rolled_back',
      note: expect.stringContaining('No verdict after 24 h'),
    })
    expect(await canary.label()).toMatchObject({ canaryReleaseId: null })
  })

  test('counts what apps asked of the label, and nothing else', async () => {
    const canary = await aCanary('counted')
    const elsewhere = [{ model: 'counted@r2' }, { model: 'counted@staging' }, { key: 'run_1' }]
    for (const more of elsewhere)
      await canary.asked(canary.candidate, 500, { outcome: 'upstream_error', ...more })
    await canary.asked(canary.candidate, 20, { model: 'counted@production' })
    await canary.asked(canary.stable, 100)
    canary.later(40 * MINUTE)

    const row = await canary.advance(canary.row)

    expect(row).toMatchObject({ state: 'canary', stage: 0 })
    expect(row.note).toContain('The candidate has had 20 of 100 requests of the stage.')
  })

  test('keeps one of many looks that only say wait, and is taken off by a rollback', async () => {
    const canary = await aCanary('looked')
    for (let look = 0; look < 5; look += 1) await canary.advance(canary.row)
    expect(await looksOf(canary.row)).toHaveLength(1)

    await rollBack(
      canary.deps(),
      { ...(await aPerson()) },
      { route: 'looked', label: 'production', to: null, reason: 'a test' },
    )

    expect(await canary.advance(canary.row)).toMatchObject({ state: 'rolled_back' })
    expect(await canary.label()).toMatchObject({ releaseId: canary.stable.id, canaryReleaseId: null })
  })

  describe('whose quality is watched', () => {
    test('has live answers of both releases judged by a scorer', async () => {
      const quality = { ...PLAN, margins: { errors: 0.02, quality: { refusal: 0.1 } } }
      const canary = await aCanary('judged', { ...WATCHED, canary: quality })
      canary.later(MINUTE)
      await canary.advance(canary.row)

      const [order] = await open().sql<{ content: string }[]>`
        SELECT content FROM online_orders WHERE route = 'judged'`
      expect(JSON.parse(order?.content ?? '')).toMatchObject({
        releases: [{ number: 1 }, { number: 2 }],
        scorers: [{ name: 'refusal' }],
        sample: 1,
      })
      canary.later(MINUTE)
      await canary.advance(canary.row)
      expect(await open().sql`SELECT id FROM online_orders WHERE route = 'judged'`).toHaveLength(1)
    })
  })

  test('whose quality no scorer can judge on live traffic does not begin', async () => {
    const quality = { ...PLAN, margins: { errors: 0.02, quality: { equals: 0.1 } } }
    const canary = await aCanary('unjudged', { ...WATCHED, canary: quality })

    expect(canary.row).toMatchObject({
      state: 'refused',
      note: expect.stringContaining('quality cannot be watched'),
    })
    expect(await canary.label()).toMatchObject({ releaseId: canary.stable.id, canaryReleaseId: null })
  })

  const aPerson = async () => ({
    id: 'vk_oncall',
    name: 'on call',
    projectId: 'prj_default',
    person: 'oncall',
  })
})
