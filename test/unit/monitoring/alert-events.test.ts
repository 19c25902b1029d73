import { describe, expect, test } from 'vitest'
import { fitsPattern } from '../../../src/lib/name-pattern.ts'
import { signWebhook, webhookKey } from '../../../src/lib/webhook-signature.ts'
import type { Alert } from '../../../src/monitoring/alerts/alert.ts'
import { dueOf, type Told } from '../../../src/monitoring/alerts/due.ts'
import { toMessage } from '../../../src/monitoring/alerts/message.ts'
import { linesOf, titleOf } from '../../../src/monitoring/alerts/message-text.ts'
import { type AlertRule, ruleFits, tellingsOf } from '../../../src/monitoring/alerts/rules.ts'
import { aKnownAlert, aRule } from '../../support/alerts.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const explained = aKnownAlert()
const { openedAtMs } = explained
const kept = (event: Told['event'], more: Partial<Told> = {}): Told => ({
  alertId: explained.id,
  event,
  nth: 0,
  channel: 'on-call',
  silenced: false,
  ...more,
})
const dueAfter = (ms: number, rules: AlertRule[], told: Told[] = [], alert: Partial<Alert> = {}) =>
  dueOf({ ...explained, ...alert }, rules, told, openedAtMs + ms).map(
    ({ event, nth, channel }) => `${channel} ${event}${nth === 0 ? '' : ` ${nth}`}`,
  )

describe('a rule', () => {
  test.each([
    ['support-answer', 'support-answer', true],
    ['support-*', 'support-answer', true],
    ['*-answer', 'support-answer', true],
    ['s*-*r', 'support-answer', true],
    ['*', '', true],
    ['support', 'support-answer', false],
    ['a*a', 'a', false],
    ['*x*', 'support-answer', false],
  ])('pattern %s and name %s: %s', (pattern, name, fits) => {
    expect(fitsPattern(pattern, name)).toBe(fits)
  })

  test('takes no longer for a pattern made to be slow', () => {
    expect(fitsPattern(`${'*a'.repeat(90)}*b`, 'a'.repeat(200))).toBe(false)
  })

  test('is about all routes and upstreams until it names some, and then about these alone', () => {
    const upstream = { ...explained, subject: { kind: 'upstream', name: 'openai' } } as const
    const fits = (rule: Partial<AlertRule>) => [explained, upstream].map((key) => ruleFits(aRule(rule), key))

    expect(fits({})).toEqual([true, true])
    expect(fits({ routes: ['support-*'] })).toEqual([true, false])
    expect(fits({ upstreams: ['openai'] })).toEqual([false, true])
    expect(fits({ routes: ['*'], upstreams: ['openai'] })).toEqual([true, true])
    expect(fits({ metrics: ['latency_*'] })).toEqual([false, false])
    expect(fits({ projects: ['other'] })).toEqual([false, false])
  })

  test('of several for one channel gives the shortest wait and the most frequent reminder', () => {
    const rules = [
      aRule({ forMs: 5, remindMs: null }),
      aRule({ forMs: 9, remindMs: 7 }),
      aRule({ remindMs: 8, forMs: 6 }),
    ]

    expect(tellingsOf(rules, explained)).toEqual(new Map([['on-call', { forMs: 5, remindMs: 7 }]]))
  })
})

describe('what is due', () => {
  test('is the beginning at once when it is explained, else after two minutes', () => {
    expect(dueAfter(0, [aRule()])).toEqual(['on-call opened'])
    expect(dueAfter(MINUTE, [aRule()], [], { explanation: null })).toEqual([])
    expect(dueAfter(2 * MINUTE, [aRule()], [], { explanation: null })).toEqual(['on-call opened'])
  })

  test('is nothing before it lasts as long as the rule wants, nor when it was over before', () => {
    const rules = [aRule({ forMs: 10 * MINUTE })]
    const endedAtMs = openedAtMs + 9 * MINUTE

    expect(dueAfter(9 * MINUTE, rules)).toEqual([])
    expect(dueAfter(10 * MINUTE, rules)).toEqual(['on-call opened'])
    expect(dueAfter(20 * MINUTE, rules, [], { endedAtMs })).toEqual([])
  })

  test('is each event once, the end only for who knows of the beginning', () => {
    const endedAtMs = openedAtMs + HOUR
    const other = kept('opened', { channel: 'team' })

    expect(dueAfter(MINUTE, [aRule()], [kept('opened')])).toEqual([])
    expect(dueAfter(HOUR, [aRule()], [kept('opened')], { endedAtMs })).toEqual(['on-call ended'])
    // The channel's rule is gone since.
    expect(dueAfter(HOUR, [], [other], { endedAtMs })).toEqual(['team ended'])
    expect(dueAfter(HOUR, [aRule()], [kept('opened'), kept('ended')], { endedAtMs })).toEqual([])
  })

  test('is no news of an alert that is long over, but news of a short one', () => {
    const endedAtMs = openedAtMs + MINUTE

    expect(dueAfter(30 * MINUTE, [aRule()], [], { endedAtMs })).toEqual(['on-call opened'])
    expect(dueAfter(2 * HOUR, [aRule()], [], { endedAtMs })).toEqual([])
  })

  test('is the newest reminder alone, none once somebody acknowledged, and at most twenty', () => {
    const rules = [aRule({ remindMs: HOUR })]
    const acked = { atMs: 0, by: 'vk_1', byName: null, note: null }

    expect(dueAfter(59 * MINUTE, rules, [kept('opened')])).toEqual([])
    expect(dueAfter(3.5 * HOUR, rules, [kept('opened')])).toEqual(['on-call still_open 3'])
    expect(dueAfter(3.5 * HOUR, rules, [kept('opened'), kept('still_open', { nth: 3 })])).toEqual([])
    expect(dueAfter(3.5 * HOUR, rules, [kept('opened')], { acked })).toEqual([])
    expect(dueAfter(99 * HOUR, rules, [kept('opened'), kept('still_open', { nth: 20 })])).toEqual([])
  })

  test('is the beginning again when an alert outlasts the silence that kept it quiet', () => {
    const silenced = kept('opened', { silenced: true })
    const endedAtMs = openedAtMs + MINUTE

    expect(dueAfter(HOUR, [aRule()], [silenced])).toEqual(['on-call opened'])
    expect(dueAfter(30 * MINUTE, [aRule()], [silenced], { endedAtMs })).toEqual([])
  })
})

describe('a message', () => {
  const of = (count: number, alert: Partial<Alert> = {}) =>
    toMessage(
      { projectId: 'prj_default', channel: 'on-call', atMs: openedAtMs },
      Array.from({ length: count }, () => ({ event: 'opened' as const, alert: { ...explained, ...alert } })),
    )

  test('says by how much, since when, because of what and what was changed near it', () => {
    expect(titleOf(of(1))).toBe('Aval: support-answer cost_per_request changed')
    expect(linesOf(of(1))).toEqual([
      `support-answer cost_per_request changed: $0.000122 where $0.0001 is usual (+22 %) since 2026-03-02 13:35 UTC (aval alerts show ${explained.id})`,
      '  because of output tokens +$0.000019, price −$0.000003',
      '  near it: release support-answer@r14 at 2026-03-02 13:38 UTC',
    ])
  })

  test('names ten and counts the others', () => {
    const { data } = of(12)

    expect([data.events.length, data.more]).toEqual([10, 2])
    expect(titleOf(of(12))).toBe('Aval: 12 alerts of project default')
    expect(linesOf(of(12)).at(-1)).toBe('and 2 more: aval alerts list --open')
  })

  test('holds nothing that a person wrote', () => {
    const acked = { atMs: 0, by: 'vk_1', byName: 'ada', note: 'a secret note' }
    const text = JSON.stringify(of(1, { acked }))

    expect(text).toContain('"acknowledged":true')
    expect(text).not.toMatch(/secret|ada|because of a reason/)
  })
})

describe('a signature', () => {
  // The vector of the reference libraries, github.com/standard-webhooks/standard-webhooks.
  test('is that of the Standard Webhooks libraries', () => {
    const key = webhookKey('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')!
    const given = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', seconds: 1_614_265_330, body: '{"test": 2432232314}' }

    expect(signWebhook(key, given)).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
  })

  test.each(['', 'whsec_', 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'whsec_c2hvcnQ=', `whsec_${'A'.repeat(92)}`])(
    'has no key in %j',
    (secret) => {
      expect(webhookKey(secret)).toBeNull()
    },
  )
})
