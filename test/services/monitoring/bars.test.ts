import { pino } from 'pino'
import { expect, test } from 'vitest'
import { runWatchSeries } from '../../../src/jobs/watch-series.ts'
import type { Alert } from '../../../src/monitoring/alerts/alert.ts'
import { endAlert, listAlerts, openAlert } from '../../../src/monitoring/alerts/alert-rows.ts'
import { type BarRule, hasOwnBar } from '../../../src/monitoring/bars/bar.ts'
import { readStandings } from '../../../src/monitoring/bars/bar-rows.ts'
import { BUCKET_MS } from '../../../src/monitoring/watch/buckets.ts'
import { readCursor } from '../../../src/monitoring/watch/series-rows.ts'
import { watchSeries } from '../../../src/monitoring/watch/watch.ts'
import { watchBucket } from '../../../src/monitoring/watch/watch-bucket.ts'
import { anAlert, aRule } from '../../support/alerts.ts'
import { describeDatabases } from '../../support/database.ts'
import { type Asked, addTraffic } from '../../support/watched-traffic.ts'

const START = Date.UTC(2026, 2, 2, 12)
const SUBJECT = { kind: 'route', name: 'answer' } as const
const FIVE = { overMs: 300_000, forMs: 600_000 }

function aBar(bar: Omit<BarRule['bar'], 'overMs' | 'forMs'>, name = 'too-far'): BarRule {
  const rule = aRule({ name, routes: ['*'], bar: { ...FIVE, ...bar } })
  if (!hasOwnBar(rule)) throw new Error('A rule with a bar was meant.')
  return rule
}
const ERRORS = aBar({ metric: 'error_rate', side: 'above', limit: 0.05 })

describeDatabases('bars', (open) => {
  let tests = 0
  const project = () => {
    tests += 1
    return `prj_bars${tests}`
  }
  /** Buckets of 80 requests with so many errors each. */
  const asked = (
    projectId: string,
    errors: readonly number[],
    from = 0,
    more: Partial<Asked> = {},
  ): Asked[] =>
    errors.map((failed, at) => ({
      projectId,
      route: SUBJECT.name,
      atMs: START + (from + at) * BUCKET_MS,
      requests: 80,
      errors: failed,
      ...more,
    }))
  const watch = async (projectId: string, from: number, to: number, bars: readonly BarRule[] | null) => {
    const opened: string[] = []
    for (let at = from; at < to; at += 1) {
      const atMs = START + at * BUCKET_MS
      const cursorMs = await readCursor(open().sql, projectId)
      const bucket = { projectId, atMs, cursorMs, bars }
      opened.push(...((await watchBucket(open().sql, bucket, atMs + BUCKET_MS))?.opened ?? []))
    }
    return opened
  }
  const alertsOf = (projectId: string): Promise<Alert[]> => listAlerts(open().sql, { projectId, limit: 10 })

  test('open one alert after their time, with rule, bar and value, and end it after as long', async () => {
    const projectId = project()
    await addTraffic(open().sql, asked(projectId, [0, 8, 8, 8, 0, 8, 0, 0]))

    const opened = await watch(projectId, 0, 4, [ERRORS])
    const [alert, ...others] = await alertsOf(projectId)
    expect(others).toEqual([])
    expect(opened).toEqual([alert?.id])
    expect(alert).toMatchObject({
      subject: SUBJECT,
      metric: 'error_rate',
      change: 'bar',
      value: 0.1,
      usual: null,
      beganAtMs: START + BUCKET_MS,
      openedAtMs: START + 3 * BUCKET_MS,
      endedAtMs: null,
      bar: { rule: 'too-far', side: 'above', limit: 0.05, ...FIVE },
    })

    expect(await watch(projectId, 4, 7, [ERRORS])).toEqual([])
    expect((await alertsOf(projectId))[0]?.endedAtMs).toBeNull()
    await watch(projectId, 7, 8, [ERRORS])
    expect(await alertsOf(projectId)).toMatchObject([{ id: alert?.id, endedAtMs: START + 8 * BUCKET_MS }])
  })

  test('stand beside one another and beside what a detector finds of the same figure', async () => {
    const projectId = project()
    const other = aBar({ metric: 'error_rate', side: 'above', limit: 0.09 }, 'far-too-far')
    const key = { projectId, subject: SUBJECT, metric: 'error_rate' }
    await addTraffic(open().sql, asked(projectId, [8, 8]))

    expect(await watch(projectId, 0, 2, [ERRORS, other])).toHaveLength(2)
    await openAlert(open().sql, anAlert({ ...key, beganAtMs: START, openedAtMs: START }))
    const lasting = async () =>
      (await alertsOf(projectId))
        .filter(({ endedAtMs }) => endedAtMs === null)
        .map(({ bar }) => bar?.rule ?? '-')
        .toSorted()
    expect(await lasting()).toEqual(['-', 'far-too-far', 'too-far'])

    await endAlert(open().sql, key, START + BUCKET_MS)
    expect(await lasting()).toEqual(['far-too-far', 'too-far'])
  })

  test('are held against a bucket once, by two processes and after one was killed', async () => {
    const projectId = project()
    const { sql } = open()
    await addTraffic(sql, asked(projectId, [8, 8, 8]))
    await watch(projectId, 0, 1, [ERRORS])
    const bucket = { projectId, atMs: START + BUCKET_MS, cursorMs: START + BUCKET_MS, bars: [ERRORS] }

    await sql`ALTER TABLE monitor_bars ADD CONSTRAINT broken CHECK (project_id <> ${sql.unsafe(`'${projectId}'`)}) NOT VALID`
    await expect(watchBucket(sql, bucket, START)).rejects.toThrow('broken')
    await sql`ALTER TABLE monitor_bars DROP CONSTRAINT broken`
    expect(await alertsOf(projectId)).toEqual([])

    const both = await Promise.all([watchBucket(sql, bucket, START), watchBucket(sql, bucket, START)])
    expect(both.filter((one) => one !== null)).toHaveLength(1)
    expect(await alertsOf(projectId)).toHaveLength(1)
  })

  test.each([
    ['is gone', []],
    ['is another one', [aBar({ metric: 'error_rate', side: 'above', limit: 0.5 })]],
    ['is about others', [{ ...ERRORS, routes: ['others'] }]],
  ])('end their alert with the next bucket when the rule %s', async (_, bars) => {
    const projectId = project()
    await addTraffic(open().sql, asked(projectId, [8, 8, 8]))

    await watch(projectId, 0, 2, [ERRORS])
    await watch(projectId, 2, 3, bars)

    expect(await alertsOf(projectId)).toMatchObject([{ endedAtMs: START + 3 * BUCKET_MS }])
    expect((await readStandings(open().sql, projectId)).map(({ state }) => state)).not.toContain('alert')
  })

  test('stay as they are while nobody knows what the files say', async () => {
    const projectId = project()
    await addTraffic(open().sql, asked(projectId, [8, 8, 0, 0, 0]))

    await watch(projectId, 0, 2, [ERRORS])
    await watch(projectId, 2, 4, null)
    expect(await alertsOf(projectId)).toMatchObject([{ endedAtMs: null }])
    expect(await readStandings(open().sql, projectId)).toMatchObject([{ state: 'alert' }])
    await watch(projectId, 4, 5, [ERRORS])
    expect(await alertsOf(projectId)).toMatchObject([{ endedAtMs: null }])
  })

  test('below a rate open for whoever is asked no more while others are, and end after a day of nothing', async () => {
    const projectId = project()
    const rate = aBar({ metric: 'requests_per_minute', side: 'below', limit: 5 })
    await addTraffic(open().sql, [
      ...asked(projectId, [0, 0]),
      ...asked(projectId, [0, 0, 0, 0], 0, { route: 'other' }),
    ])
    await addTraffic(open().sql, asked(projectId, [0], 300, { route: 'other' }))

    await watch(projectId, 0, 4, [rate])
    expect(await alertsOf(projectId)).toMatchObject([{ subject: SUBJECT, value: 0, endedAtMs: null }])
    await open()
      .sql`UPDATE monitor_cursors SET next_at = ${new Date(START + 300 * BUCKET_MS).toISOString()}::timestamptz
      WHERE project_id = ${projectId}`
    await watch(projectId, 300, 301, [rate])
    expect(await alertsOf(projectId)).toMatchObject([{ endedAtMs: START + 301 * BUCKET_MS }])
  })

  test('are those of the rules in force when the worker looks, and its alerts are explained as any other', async () => {
    const projectId = project()
    const { sql } = open()
    const rule = {
      ...ERRORS,
      projects: [projectId.replace('prj_', '')],
      bar: { ...ERRORS.bar, forMs: 300_000 },
    }
    await addTraffic(sql, asked(projectId, [8]))
    const clock = { nowMs: () => START + BUCKET_MS + 120_000, monotonicMs: () => 0 }
    const logger = pino({ level: 'silent' })

    await runWatchSeries({ sql, clock, logger, bars: () => [rule] }, {}, new AbortController().signal)

    expect(await alertsOf(projectId)).toMatchObject([
      { bar: { rule: 'too-far', limit: 0.05 }, value: 0.1, explanation: { unit: 'share' } },
    ])
  })

  test('of a project that is silent altogether end after a day', async () => {
    const projectId = project()
    const { sql } = open()
    await addTraffic(sql, asked(projectId, [8, 8]))
    await watch(projectId, 0, 2, [ERRORS])
    const look = (nowMs: number) =>
      watchSeries(sql, {
        bars: [ERRORS],
        clock: { nowMs: () => nowMs, monotonicMs: () => 0 },
        random: () => 0,
        signal: new AbortController().signal,
        late: () => undefined,
        failed: (_, error) => {
          throw error
        },
      })

    await look(START + 2 * 86_400_000)

    expect((await alertsOf(projectId))[0]?.endedAtMs).not.toBeNull()
    expect(await readStandings(sql, projectId)).toEqual([])
  })
})
