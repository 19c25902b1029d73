import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { openAlertChannels } from '../../../src/alert-channels.ts'
import { seededRandom } from '../../../src/lib/random.ts'
import { Secret } from '../../../src/lib/secret.ts'
import type { SeriesKey } from '../../../src/monitoring/alerts/alert.ts'
import { ackAlert, endAlert, openAlert } from '../../../src/monitoring/alerts/alert-rows.ts'
import { deliverMessages, type SendMessage } from '../../../src/monitoring/alerts/deliver.ts'
import { holdMessages, listDeliveries, readKeptQuiet } from '../../../src/monitoring/alerts/delivery-rows.ts'
import { noteAllDue } from '../../../src/monitoring/alerts/note-due.ts'
import type { AlertRule } from '../../../src/monitoring/alerts/rules.ts'
import type { Silence } from '../../../src/monitoring/alerts/silence.ts'
import { endSilence, insertSilence, listSilences } from '../../../src/monitoring/alerts/silence-rows.ts'
import type { Notified } from '../../../src/providers/notify/outcome.ts'
import { anAlert, aRule } from '../../support/alerts.ts'
import { describeDatabases } from '../../support/database.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const never = new AbortController().signal

describeDatabases('what alerts are told', (open) => {
  let tests = 0
  /** A project of its own, whose alerts no other test tells. */
  function aProject() {
    tests += 1
    const name = `p${tests}`
    const projectId = `prj_${name}`
    const key: SeriesKey & ReturnType<typeof anAlert> = anAlert({ projectId })
    const startMs = key.openedAtMs + 5 * MINUTE
    const rule = (more: Partial<AlertRule> = {}) => aRule({ projects: [name], ...more })
    const opened = async (more: Partial<ReturnType<typeof anAlert>> = {}) =>
      (await openAlert(open().sql, { ...key, ...more }))!
    return { projectId, key, startMs, rule, opened }
  }
  const note = (rules: AlertRule[], nowMs: number) => noteAllDue(open().sql, rules, nowMs)
  const told = async (projectId: string, id: string) =>
    (await listDeliveries(open().sql, projectId, id)).map(
      ({ event, channel, state, tries }) => `${channel} ${event} ${state} ${tries}`,
    )
  type Out = Parameters<SendMessage>[0]
  /** Sends all that waits at `nowMs`, answered by `say`; gives what was sent. */
  async function deliver(
    nowMs: number,
    say: (out: Out) => Notified = () => ({ outcome: 'sent', note: null }),
  ) {
    const outs: Out[] = []
    const send: SendMessage = async (out) => {
      outs.push(out)
      return say(out)
    }
    const clock = { nowMs: () => nowMs, monotonicMs: () => 0 }
    const count = await deliverMessages({ sql: open().sql, clock, random: seededRandom(1), send }, never)
    return { outs, count }
  }
  const silence = (projectId: string, nowMs: number, more: Partial<Silence> = {}) => ({
    id: `sil_${projectId}`,
    projectId,
    subject: null,
    metric: 'cost_per_request',
    reason: 'a load test',
    createdBy: 'vk_1',
    createdByName: 'ada',
    createdAtMs: nowMs,
    untilMs: nowMs + HOUR,
    ...more,
  })

  test('is one message for each project and channel, and each event once', async () => {
    const { projectId, key, startMs, rule, opened } = aProject()
    const ids = [await opened(), await opened({ metric: 'ttft_p95' })]
    const rules = [rule({ channels: ['on-call', 'team'] })]

    expect(await note(rules, startMs)).toBe(2)
    expect(await note(rules, startMs + 1000)).toBe(0)
    const first = await deliver(startMs)
    const again = await deliver(startMs)
    await endAlert(open().sql, key, startMs + HOUR)
    await note(rules, startMs + HOUR)
    const end = await deliver(startMs + HOUR)

    expect(first.outs.map(({ channel, content }) => [channel, content.data.events.length])).toEqual(
      expect.arrayContaining([
        ['on-call', 2],
        ['team', 2],
      ]),
    )
    expect(
      first.outs.flatMap(({ content }) => content.data.events.map((event) => event.alert_id)).toSorted(),
    ).toEqual([...ids, ...ids].toSorted())
    expect(again.outs).toEqual([])
    expect(end.outs).toHaveLength(2)
    expect(await told(projectId, ids[0]!)).toEqual([
      'on-call opened sent 1',
      'team opened sent 1',
      'on-call ended sent 1',
      'team ended sent 1',
    ])
  })

  test('is the same when two workers note it at the same time', async () => {
    const { projectId, startMs, rule, opened } = aProject()
    const ids = await Promise.all(['a', 'b', 'c'].map((metric) => opened({ metric })))

    await Promise.all([note([rule()], startMs), note([rule()], startMs), note([rule()], startMs)])
    const { outs } = await deliver(startMs)

    const events = outs.flatMap(({ content }) => content.data.events.map((event) => event.alert_id))
    expect(events.toSorted()).toEqual(ids.toSorted())
    expect(await told(projectId, ids[0]!)).toEqual(['on-call opened sent 1'])
  })

  test('is sent by one worker at a time, and again under the same id when it died before it noted it', async () => {
    const { projectId, startMs, rule, opened } = aProject()
    const id = await opened()
    await note([rule()], startMs)

    // Holds the message, sends it, and is killed.
    const held = await holdMessages(open().sql, 'killed', {
      nowMs: startMs,
      untilMs: startMs + MINUTE,
      limit: 8,
    })
    const meanwhile = await deliver(startMs + MINUTE - 1)
    const afterwards = await deliver(startMs + MINUTE)

    expect(meanwhile.outs).toEqual([])
    expect(afterwards.outs.map((out) => out.id)).toEqual(held.map((out) => out.id))
    expect(afterwards.outs[0]!.content).toEqual(held[0]!.content)
    expect(await told(projectId, id)).toEqual(['on-call opened sent 2'])
  })

  test('is tried again until it is taken, never twelve times in vain and once more', async () => {
    const { projectId, startMs, rule, opened } = aProject()
    const [taken, vain] = [await opened(), await opened({ metric: 'ttft_p95' })]
    const no: Notified = { outcome: 'retry', note: 'hooks.example.org answered 500' }
    await note(
      [rule({ metrics: ['cost_per_request'] }), rule({ metrics: ['ttft_p95'], channels: ['vain'] })],
      startMs,
    )

    const tries = { 'on-call': 0, vain: 0 }
    let lastMs = startMs
    for (let nowMs = startMs; nowMs < startMs + 30 * HOUR; nowMs += 10 * MINUTE) {
      const { outs } = await deliver(nowMs, ({ channel }) => {
        tries[channel as 'vain'] += 1
        return channel === 'on-call' && tries['on-call'] > 3 ? { outcome: 'sent', note: null } : no
      })
      if (outs.length > 0) lastMs = nowMs
    }

    expect(tries).toEqual({ 'on-call': 4, vain: 12 })
    expect(lastMs - startMs).toBeLessThan(26 * HOUR)
    expect(await told(projectId, taken)).toEqual(['on-call opened sent 4'])
    expect(await listDeliveries(open().sql, projectId, vain)).toMatchObject([
      { state: 'failed', tries: 12, note: 'hooks.example.org answered 500', nextTryAtMs: null },
    ])
  })

  test('reaches a receiver that answers 500 three times and then takes it, each time the same bytes under the same id', async () => {
    const { projectId, startMs, rule, opened } = aProject()
    const id = await opened()
    await note([rule()], startMs)
    const got: string[] = []
    const receiver = createServer(async (request, answer) => {
      const body = Buffer.concat(await request.toArray()).toString()
      const count = got.push(`${request.headers['webhook-id']} ${body}`)
      answer.writeHead(count > 3 ? 200 : 500).end()
    })
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`
    const channel = {
      name: 'on-call',
      kind: 'webhook',
      url: new Secret(url, 'aval.yaml'),
      secret: new Secret('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'env:X'),
    } as const
    let nowMs = startMs
    const clock = { nowMs: () => nowMs, monotonicMs: () => 0 }
    let reads = 0
    const alerts = () => {
      reads += 1
      return { channels: [channel], rules: [] }
    }
    const { inForce, close } = openAlertChannels(alerts, { clock })
    const { send } = inForce()

    for (; nowMs < startMs + HOUR; nowMs += 10 * MINUTE) {
      await deliverMessages({ sql: open().sql, clock, random: seededRandom(2), send }, never)
    }
    await close()
    receiver.close()

    expect(got).toHaveLength(4)
    expect(reads).toBe(1)
    expect(new Set(got).size).toBe(1)
    expect(await told(projectId, id)).toEqual(['on-call opened sent 4'])
  })

  test('is tried again, and holds no other one up, where sending fails altogether', async () => {
    const { projectId, startMs, rule, opened } = aProject()
    const id = await opened()
    await note([rule({ channels: ['on-call', 'broken'] })], startMs)

    const { count } = await deliver(startMs, ({ channel }) => {
      if (channel === 'broken') throw new Error('URI malformed')
      return { outcome: 'sent', note: null }
    })

    expect(count).toEqual({ sent: 1, waiting: 1, failed: 0 })
    expect(await listDeliveries(open().sql, projectId, id)).toContainEqual(
      expect.objectContaining({ state: 'waiting', tries: 1, note: 'It could not be sent: URI malformed' }),
    )
    expect((await deliver(startMs + HOUR)).count.sent).toBe(1)
  })

  test('is not tried again where it was refused for good', async () => {
    const { projectId, startMs, rule, opened } = aProject()
    const id = await opened()
    await note([rule()], startMs)

    const first = await deliver(startMs, () => ({
      outcome: 'refused',
      note: 'hooks.example.org answered 410',
    }))
    const later = await deliver(startMs + 24 * HOUR)

    expect([first.count.failed, later.outs]).toEqual([1, []])
    expect(await told(projectId, id)).toEqual(['on-call opened failed 1'])
  })

  test('is nothing under a silence, and all that lasts once the silence is over', async () => {
    const { projectId, key, startMs, rule, opened } = aProject()
    const id = await opened()
    const short = await opened({ subject: { kind: 'upstream', name: 'openai' } })
    const loud = await opened({ metric: 'ttft_p95' })
    const quiet = silence(projectId, startMs)
    await insertSilence(open().sql, quiet)

    await note([rule()], startMs)
    await note([rule()], startMs + MINUTE)
    const during = await deliver(startMs + MINUTE)
    await endAlert(open().sql, { ...key, subject: { kind: 'upstream', name: 'openai' } }, startMs + MINUTE)
    expect(await readKeptQuiet(open().sql, projectId, [id, short, loud])).toEqual(
      new Map([
        [id, quiet.id],
        [short, quiet.id],
      ]),
    )
    const ended = { atMs: startMs + 2 * MINUTE, by: 'vk_1', byName: 'ada' }
    expect(await endSilence(open().sql, quiet, ended)).toBe(true)
    expect(await endSilence(open().sql, quiet, ended)).toBe(false)
    await note([rule()], startMs + 3 * MINUTE)
    const after = await deliver(startMs + 3 * MINUTE)

    const events = (outs: Out[]) =>
      outs.flatMap(({ content }) => content.data.events.map((event) => event.alert_id))
    expect(events(during.outs)).toEqual([loud])
    expect(events(after.outs)).toEqual([id])
    expect(await told(projectId, short)).toEqual(['on-call opened silenced 0'])
  })

  test('is a reminder each time until somebody acknowledges', async () => {
    const { projectId, key, startMs, rule, opened } = aProject()
    const id = await opened()
    const rules = [rule({ remindMs: HOUR })]
    const at = (hours: number) => key.openedAtMs + hours * HOUR + MINUTE

    await note(rules, startMs)
    for (const hours of [1, 1.5, 2]) await note(rules, at(hours))
    await ackAlert(open().sql, { projectId, id }, { atMs: at(2.5), by: 'vk_1', byName: 'ada', note: 'mine' })
    await note(rules, at(3))
    await deliver(at(3))

    expect(
      (await listDeliveries(open().sql, projectId, id)).map(({ event, nth }) => `${event} ${nth}`),
    ).toEqual(['opened 0', 'still_open 1', 'still_open 2'])
  })

  test('is kept for ever as it was silenced: only the end of a silence can be written', async () => {
    const { projectId, startMs } = aProject()
    const one = silence(projectId, startMs)
    const { sql } = open()
    await insertSilence(sql, one)
    const long = { ...one, id: 'sil_long', untilMs: startMs + 31 * 24 * HOUR }
    const all = { ...one, id: 'sil_all', metric: null }

    await expect(insertSilence(sql, long)).rejects.toThrow(/check constraint/)
    await expect(insertSilence(sql, all)).rejects.toThrow(/check constraint/)
    await expect(sql`UPDATE silences SET until = until + interval '1 hour'`).rejects.toThrow(/never changed/)
    await expect(sql`DELETE FROM silences`).rejects.toThrow(/never changed/)
    const active = (inForceAtMs: number) =>
      listSilences(sql, { projectId, inForceAtMs, before: null, limit: 10 }).then((found) => found.length)
    expect([await active(startMs), await active(startMs + HOUR)]).toEqual([1, 0])
  })
})
