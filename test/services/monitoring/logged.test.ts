import { expect, test } from 'vitest'
import type { EventRecord } from '../../../src/audit/record.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { endAlert, openAlert } from '../../../src/monitoring/alerts/alert-rows.ts'
import { logAlertEvents } from '../../../src/monitoring/alerts/log-events.ts'
import { anAlert } from '../../support/alerts.ts'
import { describeDatabases } from '../../support/database.ts'

describeDatabases('alerts on the log', (open) => {
  let tests = 0
  const opened = async (more: Partial<ReturnType<typeof anAlert>> = {}) => {
    tests += 1
    const alert = anAlert({ projectId: `prj_logged${tests}`, ...more })
    return { alert, id: (await openAlert(open().sql, alert)) ?? '' }
  }
  /** What a round logs of one alert. */
  const round = async (id: string, event: (record: EventRecord) => Promise<void> = async () => undefined) => {
    const records: EventRecord[] = []
    const log = async () => ({
      event: async (record: EventRecord) => {
        records.push(record)
        await event(record)
      },
    })
    const never = new AbortController().signal
    await logAlertEvents({ sql: open().sql, clock: systemClock, log }, never).catch(() => undefined)
    return records.filter(({ target }) => target === id)
  }

  test('are there once with their numbers, when they open and when they end', async () => {
    const { alert, id } = await opened()

    const [first, ...others] = await round(id)
    expect(others).toEqual([])
    expect(first).toMatchObject({
      kind: 'admin',
      action: 'alert.opened',
      projectId: alert.projectId,
      actorId: null,
      actorName: 'monitoring',
      target: id,
      detail: {
        subject: alert.subject,
        metric: 'cost_per_request',
        change: 'level',
        unit: 'micro_usd',
        value: 122,
        usual: 100,
        opened_at: new Date(alert.openedAtMs).toISOString(),
      },
    })
    expect(await round(id)).toEqual([])

    await endAlert(open().sql, alert, alert.openedAtMs + 60_000)
    const ended = { ended_at: new Date(alert.openedAtMs + 60_000).toISOString() }
    expect(await round(id)).toMatchObject([{ action: 'alert.ended', detail: { value: 122, ...ended } }])
    expect(await round(id)).toEqual([])
  })

  test('that were over before anybody looked are there with both, the beginning first, and a bar with its limit', async () => {
    const bar = {
      rule: 'dear',
      metric: 'cost_per_request',
      side: 'above',
      limit: 110,
      overMs: 900_000,
      forMs: 600_000,
    }
    const { alert, id } = await opened({ change: 'bar', usual: null, bar: { ...bar, side: 'above' } })
    await endAlert(open().sql, { ...alert, rule: 'dear' }, alert.openedAtMs + 60_000)

    const records = await round(id)

    expect(records.map(({ action }) => action)).toEqual(['alert.opened', 'alert.ended'])
    expect(records[0]?.detail).toMatchObject({
      change: 'bar',
      bar: { rule: 'dear', side: 'above', limit: 110, over_seconds: 900, for_seconds: 600 },
    })
  })

  test('are there again after a kill between the log and the row, and never missing', async () => {
    const { sql } = open()
    const { alert, id } = await opened()
    await sql`ALTER TABLE alerts ADD CONSTRAINT broken CHECK (logged = 'none' OR project_id <> ${sql.unsafe(`'${alert.projectId}'`)}) NOT VALID`
    expect(await round(id)).toHaveLength(1)
    await sql`ALTER TABLE alerts DROP CONSTRAINT broken`

    expect(await round(id)).toMatchObject([{ action: 'alert.opened' }])
    expect(await round(id)).toEqual([])
  })

  test('wait for a log that takes nothing', async () => {
    const { id } = await opened()

    await round(id, async () => {
      throw new Error('no space left')
    })
    expect(await round(id)).toMatchObject([{ action: 'alert.opened' }])
  })

  test('are there once with two processes at work', async () => {
    const { id } = await opened()

    const both = await Promise.all([round(id), round(id)])

    expect(both.flat()).toHaveLength(1)
  })
})
