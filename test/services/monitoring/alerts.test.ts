import { expect, test } from 'vitest'
import type { Explanation, SeriesKey } from '../../../src/monitoring/alerts/alert.ts'
import {
  ackAlert,
  endAlert,
  listAlerts,
  listUnexplained,
  openAlert,
  raiseExcess,
  readAlert,
  setExplanation,
} from '../../../src/monitoring/alerts/alert-rows.ts'
import { anAlert } from '../../support/alerts.ts'
import { describeDatabases } from '../../support/database.ts'

const EXPLANATION: Explanation = {
  beganAtMs: 1,
  baseline: { kind: 'just_before', why: 'much the same hours of the day' },
  measure: 'cost_per_request',
  base: 100,
  unknowns: [],
  before: { fromMs: 0, toMs: 1, requests: 2, level: 100 },
  after: { fromMs: 1, toMs: 2, requests: 2, level: 122 },
  difference: 22,
  unit: 'micro_usd',
  causes: [{ cause: 'output_tokens', amount: 22 }],
  changes: [],
  segments: [],
}

describeDatabases('alerts', (open) => {
  let tests = 0
  const project = () => {
    tests += 1
    return `prj_${tests}`
  }

  test('are one for each episode: a second is opened only when the first has ended', async () => {
    const alert = anAlert({ projectId: project() })
    const { projectId } = alert

    const first = await openAlert(open().sql, alert)
    const again = await openAlert(open().sql, { ...alert, openedAtMs: alert.openedAtMs + 1000 })
    const elsewhere = await openAlert(open().sql, { ...alert, metric: 'ttft_p95' })
    const ended = await endAlert(open().sql, alert, alert.openedAtMs + 60_000)
    const next = await openAlert(open().sql, { ...alert, openedAtMs: alert.openedAtMs + 120_000 })

    expect(first).toMatch(/^alr_/)
    expect(again).toBeNull()
    expect(ended).toBe(first)
    expect(next).not.toBeNull()
    expect(await readAlert(open().sql, projectId, first!)).toEqual({
      ...alert,
      bar: null,
      id: first,
      endedAtMs: alert.openedAtMs + 60_000,
      explanation: null,
      acked: null,
    })
    const all = await listAlerts(open().sql, { projectId, limit: 10 })
    expect(all.map(({ id }) => id)).toEqual([next, elsewhere, first])
  })

  test('are undone with the transaction that opened them', async () => {
    const alert = anAlert({ projectId: project() })

    const failing = open().sql.begin(async (sql) => {
      await openAlert(sql, alert)
      throw new Error('the rest failed')
    })

    await expect(failing).rejects.toThrow('the rest failed')
    expect(await listAlerts(open().sql, { projectId: alert.projectId, limit: 10 })).toEqual([])
  })

  test('keep their highest excess, and never end before they began', async () => {
    const alert = anAlert({ projectId: project(), excess: 2 })
    const id = await openAlert(open().sql, alert)

    await raiseExcess(open().sql, alert, 3.5)
    await raiseExcess(open().sql, alert, 2.5)
    await endAlert(open().sql, alert, alert.openedAtMs - 60_000)
    await raiseExcess(open().sql, alert, 9)

    expect(await readAlert(open().sql, alert.projectId, id!)).toMatchObject({
      excess: 3.5,
      endedAtMs: alert.openedAtMs,
    })
    expect(await endAlert(open().sql, alert, alert.openedAtMs)).toBeNull()
  })

  test('are listed by page and filter, those of the own project alone', async () => {
    const alert = anAlert({ projectId: project() })
    const { projectId } = alert
    const other: SeriesKey['subject'] = { kind: 'upstream', name: 'openai' }
    const ids = [
      await openAlert(open().sql, alert),
      await openAlert(open().sql, { ...alert, subject: other, openedAtMs: alert.openedAtMs + 1 }),
      await openAlert(open().sql, { ...alert, metric: 'error_rate', openedAtMs: alert.openedAtMs + 2 }),
    ]
    const foreign = await openAlert(open().sql, { ...alert, projectId: project() })
    await endAlert(open().sql, { ...alert, subject: other }, alert.openedAtMs + 5)
    const list = async (query: Partial<Parameters<typeof listAlerts>[1]>) => {
      const alerts = await listAlerts(open().sql, { projectId, limit: 10, ...query })
      return alerts.map(({ id }) => ids.indexOf(id))
    }

    expect(await list({ limit: 2 })).toEqual([2, 1])
    expect(await list({ limit: 2, before: ids[1]! })).toEqual([0])
    expect(await list({ open: true })).toEqual([2, 0])
    expect(await list({ open: false })).toEqual([1])
    expect(await list({ subject: other })).toEqual([1])
    expect(await list({ metric: 'error_rate' })).toEqual([2])
    expect(await list({ sinceMs: alert.openedAtMs + 1 })).toEqual([2, 1])
    expect(await readAlert(open().sql, projectId, foreign!)).toBeNull()
  })

  test('are explained once they can be, and acknowledged in their own project', async () => {
    const alert = anAlert({ projectId: project() })
    const { projectId } = alert
    const id = (await openAlert(open().sql, alert))!
    const acked = { atMs: alert.openedAtMs + 1, by: 'vk_1', byName: 'ada', note: 'rolling back' }
    const waiting = async () =>
      (await listUnexplained(open().sql, { sinceMs: 0, limit: 1000 })).map((found) => found.id)

    expect(await waiting()).toContain(id)
    await setExplanation(open().sql, { projectId: 'prj_other', id }, EXPLANATION)
    expect(await waiting()).toContain(id)
    await setExplanation(open().sql, { projectId, id }, EXPLANATION)
    expect(await waiting()).not.toContain(id)
    expect(await ackAlert(open().sql, { projectId: 'prj_other', id }, acked)).toBe(false)
    expect(await ackAlert(open().sql, { projectId, id }, acked)).toBe(true)

    expect(await readAlert(open().sql, projectId, id)).toMatchObject({ explanation: EXPLANATION, acked })
  })
})
