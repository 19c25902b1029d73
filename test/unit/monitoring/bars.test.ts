import { describe, expect, test } from 'vitest'
import { dueOf } from '../../../src/monitoring/alerts/due.ts'
import { toMessage } from '../../../src/monitoring/alerts/message.ts'
import { linesOf, titleOf } from '../../../src/monitoring/alerts/message-text.ts'
import { ruleFits } from '../../../src/monitoring/alerts/rules.ts'
import { type BarRule, barOf, hasOwnBar, judgeBar, type Standing } from '../../../src/monitoring/bars/bar.ts'
import { MAX_STANDINGS } from '../../../src/monitoring/bars/bar-rows.ts'
import { valuesOf } from '../../../src/monitoring/bars/bar-values.ts'
import { standingsAfter } from '../../../src/monitoring/bars/watch-bars.ts'
import { type Figures, newFigures } from '../../../src/monitoring/rollups/figures.ts'
import { BUCKET_MS } from '../../../src/monitoring/watch/buckets.ts'
import { subjectKey, type Traffic } from '../../../src/monitoring/watch/subjects.ts'
import { aKnownAlert, aRule } from '../../support/alerts.ts'

const START = Date.UTC(2026, 2, 2, 12)
const SUBJECT = { kind: 'route', name: 'answer' } as const

function aBar(given: Partial<BarRule['bar']> = {}, more: Partial<BarRule> = {}): BarRule {
  const bar = { metric: 'error_rate', side: 'above', limit: 0.05, overMs: 900_000, forMs: 600_000 } as const
  const rule = aRule({ name: 'too-many-errors', bar: { ...bar, ...given }, ...more })
  if (!hasOwnBar(rule)) throw new Error('A rule with a bar was meant.')
  return rule
}

/** What happens with each of the buckets, one value each; null for a bucket without one. */
function course(values: readonly (number | null)[], rule: BarRule = aBar()) {
  let standing: Standing | null = null
  return values.map((value, at) => {
    if (value === null) return '-'
    const came = judgeBar(standing, { value, heard: true }, START + at * BUCKET_MS, {
      subject: SUBJECT,
      bar: barOf(rule),
    })
    standing = came.standing
    if (came.turned === null) return came.standing.state
    return `${came.standing.state} since ${(came.turned.sinceMs - START) / BUCKET_MS}`
  })
}

describe('a bar', () => {
  test('opens after it was passed for as long as it says, and ends after as long on the other side', () => {
    expect(course([0.01, 0.06, 0.07, 0.06, 0.04, 0.06, 0.05, 0.05, 0.01])).toEqual([
      'ok',
      'ok',
      'alert since 1',
      'alert',
      'alert',
      'alert',
      'alert',
      // What is on the bar has not passed it.
      'ok since 6',
      'ok',
    ])
  })

  test('opens anew once it has ended', () => {
    const values = [0.06, null, 0.06, 0.04, 0.04, 0.06, 0.06]

    expect(course(values)).toEqual(['ok', '-', 'alert since 0', 'alert', 'ok since 3', 'ok', 'alert since 5'])
  })

  test('below a value does the same the other way round', () => {
    const rule = aBar({ metric: 'score:grounded', side: 'below', limit: 0.9, forMs: 300_000 })

    expect(course([0.9, 0.89, 0.91], rule)).toEqual(['ok', 'alert since 1', 'ok since 2'])
  })

  test('takes a gap for nothing, and one of more than an hour for a new beginning', () => {
    const gap = (buckets: number) => Array.from({ length: buckets }, () => null)

    expect(course([0.06, ...gap(12), 0.06]).at(-1)).toBe('alert since 0')
    expect(course([0.06, ...gap(13), 0.06]).at(-1)).toBe('ok')
    expect(course([0.06, ...gap(13), 0.06, 0.06]).at(-1)).toBe('alert since 14')
  })
})

const figures = (requests: number, errors: number): Figures => {
  const made = newFigures()
  made.requests = requests
  made.outcomes.upstream_error = errors
  made.outcomes.completed = requests - errors
  return made
}
const trafficOf = (names: Record<string, Record<number, Figures>>): Map<string, Traffic> =>
  new Map(
    Object.entries(names).map(([name, buckets]) => {
      const subject = { kind: 'route', name } as const
      const byAge = new Map(Object.entries(buckets).map(([age, one]) => [Number(age), one]))
      return [subjectKey(subject), { subject, buckets: byAge }]
    }),
  )
const PROJECT = 'prj_default'

describe('the value of a window', () => {
  test('is over all of its buckets, and there is none with less traffic than the metric asks for', () => {
    const traffic = trafficOf({ answer: { 0: figures(30, 3), 2: figures(30, 0), 3: figures(900, 900) } })
    const valueOver = (overMs: number) =>
      valuesOf({ traffic, added: new Map() })(SUBJECT, barOf(aBar({ overMs })))

    expect(valueOver(900_000)).toEqual({ value: 0.05, heard: true })
    expect(valueOver(300_000)).toBeNull()
    expect(valueOver(1_200_000)?.value).toBeCloseTo(903 / 960)
  })

  test('of a rate is 0 for whoever is asked nothing, unless the whole project is silent', () => {
    const rate = barOf(aBar({ metric: 'requests_per_minute', side: 'below', limit: 2 }))
    const ofBoth = (other: number) =>
      valuesOf({
        traffic: trafficOf({ answer: { 6: figures(90, 0) }, other: { [other]: figures(5, 0) } }),
        added: new Map(),
      })(SUBJECT, rate)

    expect(ofBoth(0)).toEqual({ value: 0, heard: false })
    expect(ofBoth(1)).toBeNull()
  })

  test('of what others measure is of routes alone, over the same window', () => {
    const bar = barOf(aBar({ metric: 'score:grounded', side: 'below', limit: 0.9 }))
    const point = { atMs: START, route: 'answer', metric: 'score:grounded', value: 0.8, count: 9 }
    const windows = valuesOf({ traffic: new Map(), added: new Map([[900_000, [point]]]) })

    expect(windows(SUBJECT, bar)).toEqual({ value: 0.8, heard: true })
    expect(windows({ kind: 'upstream', name: 'answer' }, bar)).toBeNull()
    expect(windows(SUBJECT, { ...bar, overMs: 300_000 })).toBeNull()
  })
})

describe('standings of a project', () => {
  const judged = (known: readonly Standing[], bars: readonly BarRule[], atMs = START) =>
    standingsAfter(known, {
      projectId: PROJECT,
      atMs,
      bars,
      traffic: trafficOf({ answer: { 0: figures(100, 9) }, other: { 0: figures(60, 0) } }),
      added: new Map(),
    })

  test('are of whoever the rule is about, and begin anew with another bar', () => {
    const first = judged([], [aBar({}, { routes: ['answer'] })])
    const known = first.judged.map(({ standing }) => standing)
    const same = judged(known, [aBar({}, { routes: ['answer'] })], START + BUCKET_MS)
    const other = judged(known, [aBar({ limit: 0.06 }, { routes: ['answer'] })], START + BUCKET_MS)

    expect(known).toMatchObject([{ subject: SUBJECT, state: 'ok', turningMs: START, value: 0.09 }])
    expect(same).toMatchObject({ judged: [{ standing: { state: 'alert' } }], gone: [] })
    expect(other).toMatchObject({ judged: [{ standing: { state: 'ok' } }], gone: known })
    for (const bars of [
      [],
      [aBar({}, { routes: ['other'] })],
      [aBar({}, { projects: ['x'], routes: ['*'] })],
    ])
      expect(judged(known, bars, START + BUCKET_MS).gone).toEqual(known)
  })

  test('that were silent for a day are gone', () => {
    const known = judged([], [aBar()]).judged.map(({ standing }) => standing)
    const late = standingsAfter(known, {
      projectId: PROJECT,
      atMs: START + 86_400_000 + BUCKET_MS,
      bars: [aBar()],
      traffic: new Map(),
      added: new Map(),
    })

    expect(known).toHaveLength(2)
    expect(late).toEqual({ judged: [], gone: known })
  })

  test('are bounded: whoever stands stays, free places go to those with the most requests', () => {
    const names = Array.from({ length: MAX_STANDINGS + 5 }, (_, at) => [`r${at}`, { 0: figures(51 + at, 0) }])
    const { judged: all } = standingsAfter([], {
      projectId: PROJECT,
      atMs: START,
      bars: [aBar()],
      traffic: trafficOf(Object.fromEntries(names)),
      added: new Map(),
    })
    const subjects = all.map(({ standing }) => standing.subject.name)

    expect(subjects).toHaveLength(MAX_STANDINGS)
    expect(subjects[0]).toBe(`r${MAX_STANDINGS + 4}`)
    expect(subjects).not.toContain('r4')
  })
})

describe('an alert of a bar', () => {
  const rule = aBar({ limit: 100, metric: 'cost_per_request' })
  const alert = { ...aKnownAlert(), change: 'bar', usual: null, bar: barOf(rule) } as const

  test('is told by its own rule and by those that are about all alerts, not by another bar', () => {
    const others = [aBar({}, { name: 'another' }), aRule({ metrics: ['latency_*'] })]

    expect([rule, aRule(), ...others].map((one) => ruleFits(one, alert))).toEqual([true, true, false, false])
    expect(ruleFits(rule, aKnownAlert())).toBe(false)
    expect(dueOf(alert, [rule], [], alert.openedAtMs)).toMatchObject([
      { event: 'opened', channel: 'on-call' },
    ])
  })

  test('says which rule and bar, and the value that passed it', () => {
    const messageOf = (event: 'opened' | 'still_open' | 'ended') =>
      toMessage({ projectId: PROJECT, channel: 'on-call', atMs: 0 }, [
        { event, alert: event === 'ended' ? { ...alert, endedAtMs: alert.openedAtMs } : alert },
      ])

    expect(messageOf('opened').data.events[0]).toMatchObject({
      value: 122,
      usual: null,
      bar: { rule: 'too-many-errors', side: 'above', limit: 100, over_seconds: 900, for_seconds: 600 },
    })
    expect(linesOf(messageOf('opened'))[0]).toMatch(
      /^support-answer cost_per_request is above the bar of rule too-many-errors: \$0\.000122 where \$0\.0001 is the bar since /,
    )
    expect(titleOf(messageOf('still_open'))).toMatch(/ is still above the bar of rule too-many-errors$/)
    expect(titleOf(messageOf('ended'))).toMatch(/ is no longer above the bar of rule too-many-errors$/)
    expect(
      toMessage({ projectId: PROJECT, channel: 'a', atMs: 0 }, [{ event: 'opened', alert: aKnownAlert() }])
        .data.events[0],
    ).not.toHaveProperty('bar')
  })
})
