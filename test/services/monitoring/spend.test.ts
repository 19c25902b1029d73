import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { keptSince } from '../../../src/monitoring/rollups/retention.ts'
import { KEEP_ALL, rollUpOnce } from '../../../src/monitoring/rollups/roll-up.ts'
import { forecastSpend, monthOf } from '../../../src/monitoring/spend/forecast-spend.ts'
import { dailyCosts, spendWindow, sumSpend } from '../../../src/monitoring/spend/spend-rows.ts'
import { describeDatabases } from '../../support/database.ts'
import { type Shipped, ship } from '../../support/rollup-log.ts'

const DAY_MS = 86_400_000
const NOW = Date.parse('2026-11-20T12:00:00Z')
const PROJECT = 'prj_default'

describeDatabases('spend', (open) => {
  beforeAll(async () => {
    const { sql } = open()
    const days = Array.from({ length: 20 }, (_, day) => day)
    await ship(sql, randomUUID(), [
      ...days.map((day) => at(NOW - day * DAY_MS, { close: { costMicroUsd: 1_000_000, price: 'list/1' } })),
      ...days.map((day) =>
        at(NOW - day * DAY_MS, { open: { route: null }, close: { costMicroUsd: 250_000, price: 'list/2' } }),
      ),
      at(NOW - 3_600_000, { close: { model: 'unknown' } }),
      at(NOW, { open: { shadowOf: 'req_1' }, close: { costMicroUsd: 500_000, price: 'list/1' } }),
      at(NOW, { open: { projectId: 'prj_other' }, close: { costMicroUsd: 9_000_000, price: 'list/1' } }),
    ])
    while ((await rollUpOnce(sql, () => KEEP_ALL, 1000)).outcome === 'done');
  })
  afterAll(async () => await open().truncate())

  const sum = async (changes: Partial<Parameters<typeof sumSpend>[1]> = {}) =>
    await sumSpend(open().sql, {
      projectId: PROJECT,
      groupBy: [],
      where: {},
      sinceMs: NOW - 30 * DAY_MS,
      untilMs: NOW,
      kept: KEEP_ALL,
      ...changes,
    })

  test('is of one project, everything that was paid for, and counts apart what has no known cost', async () => {
    const { total } = await sum()

    expect(total).toMatchObject({ requests: 42, cost: 25_500_000n, priced: 41, unpriced: 1, untold: 0 })
    expect(total.inputTokens).toBe(42 * 12)
  })

  test('is grouped, the dearest first, and filtered', async () => {
    const byPrice = await sum({ groupBy: ['price', 'origin'] })
    const ofRoute = await sum({ groupBy: ['model'], where: { route: 'support-answer', origin: 'app' } })

    expect(byPrice.rows.map(({ group, cost }) => [group, cost])).toEqual([
      [{ price: 'list/1', origin: 'app' }, 20_000_000n],
      [{ price: 'list/2', origin: 'app' }, 5_000_000n],
      [{ price: 'list/1', origin: 'shadow' }, 500_000n],
      [{ price: null, origin: 'app' }, 0n],
    ])
    expect(ofRoute.rows.map(({ group, requests }) => [group.model, requests])).toEqual([
      ['gpt-5-mini', 20],
      ['unknown', 1],
    ])
  })

  test('of a few hours is read by the hour', async () => {
    const { total } = await sum({ sinceMs: NOW - 7_200_000, untilMs: NOW - 1 })

    expect(total.requests).toBe(1)
  })

  test('of hours that are no longer kept is read by the day', async () => {
    const hours = { sinceMs: NOW - 3 * DAY_MS, untilMs: NOW - 3 * DAY_MS + 3_600_000 }
    const kept = keptSince(NOW, { minuteDays: 1, hourDays: 1, dayDays: 60 })

    expect((await sum({ ...hours, kept })).total.requests).toBe(2)
    expect(spendWindow({ ...hours, kept })).toMatchObject({ level: 'day' })
    expect(spendWindow({ ...hours, kept: KEEP_ALL })).toMatchObject({ level: 'hour' })
  })

  test('of days is listed from the first that has any', async () => {
    const costs = await dailyCosts(open().sql, {
      projectId: PROJECT,
      where: { price: 'list/1', origin: 'app' },
      sinceMs: NOW - 100 * DAY_MS,
      untilMs: Math.floor(NOW / DAY_MS) * DAY_MS,
      kept: KEEP_ALL,
    })

    expect(costs).toEqual(Array.from({ length: 19 }, () => 1_000_000))
  })

  test('of the month is forecast from whole days, and of a month that is over it is not', async () => {
    const where = { origin: 'app' }
    const forecast = await forecastSpend(
      open().sql,
      { projectId: PROJECT, where, kept: KEEP_ALL },
      monthOf(NOW),
      NOW,
    )
    const over = await forecastSpend(
      open().sql,
      { projectId: PROJECT, where, kept: KEEP_ALL },
      monthOf('2026-10'),
      NOW,
    )
    const unknown = await forecastSpend(
      open().sql,
      { projectId: 'prj_none', where, kept: KEEP_ALL },
      monthOf(NOW),
      NOW,
    )

    // 20 days of 1.25 with today, half of today and ten whole days at 1.25.
    expect(forecast).toMatchObject({ kind: 'forecast', total: 38_125_000n, low: 38_125_000n, days: 19 })
    expect([over, unknown]).toEqual([
      { kind: 'refused', reason: 'over' },
      { kind: 'refused', reason: 'too_few_days' },
    ])
  })
})

function at(startedAtMs: number, { open, close }: Shipped): Shipped {
  return { open: { startedAtMs, ...open }, close: { ...close } }
}
