/** What an auditor asks of the log: who did what, and how much of what was used. */

import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type EventFilter, listEvents } from '../../../src/audit/event-log/store.ts'
import { listRequests } from '../../../src/audit/store.ts'
import { sumUsage, type UsageGroup } from '../../../src/audit/usage/store.ts'
import { RequestError } from '../../../src/errors.ts'
import { aClose, aFolder, anEvent, anOpen } from '../../support/audit-records.ts'
import { startAuditRoom } from '../../support/audit-room.ts'
import { describeDatabases } from '../../support/database.ts'

const DAY_MS = 86_400_000
const NOON = Date.UTC(2026, 10, 20, 12)
const MINE = { projectId: 'prj_default', unowned: false }
const ALL = { projectId: 'prj_default', unowned: true }
const USAGE = { inputTokens: 10, outputTokens: 5, cachedInputTokens: null, reasoningTokens: null }
const NONE = { inputTokens: null, outputTokens: null, cachedInputTokens: null, reasoningTokens: null }

describeDatabases('questions to the log', (open) => {
  const failedOver = anOpen({ startedAtMs: NOON })

  beforeAll(async () => {
    const folder = aFolder()
    const { log, ...audit } = startAuditRoom({ dataFolder: folder, databaseUrl: open().url })
    const request = async (opened: Parameters<typeof anOpen>[0], closed: Parameters<typeof aClose>[1]) => {
      const record = anOpen(opened)
      await log.open(record, Buffer.from('q'))
      await log.close(aClose(record.id, closed), Buffer.from('a'))
    }
    await log.open(failedOver, Buffer.from('q'))
    const [attempt] = aClose('').attempts
    const attempts = [{ ...attempt!, upstream: 'azure', error: 'upstream_timeout' }, attempt!]
    await log.close(aClose(failedOver.id, { usage: USAGE, attempts }), Buffer.from('a'))
    await request({ startedAtMs: NOON, route: null }, { usage: USAGE, model: 'other' })
    await request({ startedAtMs: NOON + DAY_MS }, { usage: NONE })
    await request(
      { startedAtMs: NOON + DAY_MS },
      { usage: { ...USAGE, outputTokens: null }, outcome: 'upstream_cut' },
    )
    const refused = {
      upstream: null,
      model: null,
      attempts: [],
      usage: null,
      outcome: 'rejected',
      status: 429,
    } as const
    await request({ startedAtMs: NOON + DAY_MS, keyName: 'shop' }, refused)
    await request({ startedAtMs: NOON, projectId: 'prj_other' }, { usage: USAGE })

    await log.event(
      anEvent({ atMs: NOON, action: 'requests.show', target: failedOver.id, purpose: 'case 17' }),
    )
    await log.event(anEvent({ atMs: NOON + 1, action: 'requests.list', actorName: 'ada', actorId: 'vk_ada' }))
    await log.event(anEvent({ atMs: NOON + 2, kind: 'admin', action: 'key.create' }))
    await log.event(anEvent({ atMs: NOON + 3, projectId: 'prj_other' }))
    for (let at = 0; at < 25; at += 1)
      await log.event(anEvent({ atMs: NOON + 10 + (at >> 3), action: 'bulk.read' }))
    await audit.close(20_000)
    await rm(folder, { recursive: true, force: true })
  })
  afterAll(() => open().truncate())

  describe('who did what', () => {
    const asked = async (filter: Partial<EventFilter>) =>
      (await listEvents(open().db, { scope: MINE, limit: 200, ...filter })).rows.map(({ action }) => action)

    test.each<[string, Partial<EventFilter>, string[]]>([
      ['who read a request', { target: failedOver.id }, ['requests.show']],
      ['one action', { action: 'requests.list' }, ['requests.list']],
      ['actions that begin alike', { action: 'requests.*' }, ['requests.list', 'requests.show']],
      ['a wildcard of LIKE that means itself', { action: 'requests_*' }, []],
      ['a kind', { kind: 'admin' }, ['key.create']],
      ['a key by its id', { actor: 'vk_ada' }, ['requests.list']],
      ['a key by its name', { actor: 'ada' }, ['requests.list']],
      ['a time, its end not included', { sinceMs: NOON + 1, untilMs: NOON + 2 }, ['requests.list']],
      [
        'another project',
        { scope: { projectId: 'prj_other', unowned: false }, kind: 'access' },
        ['requests.list'],
      ],
    ])('is found by %s', async (_what, filter, expected) => {
      expect(await asked(filter)).toEqual(expected)
    })

    test('says why somebody looked, and where it stands on the log', async () => {
      const { rows } = await listEvents(open().db, { scope: MINE, target: failedOver.id })

      expect(rows).toMatchObject([
        {
          kind: 'access',
          purpose: 'case 17',
          actorName: 'auditor',
          detail: { rows: 1 },
          seq: expect.any(Number),
        },
      ])
    })

    test('comes in pages without a gap or a repeat, also among equal times and ends of writers', async () => {
      const seen: string[] = []
      let cursor: string | undefined
      do {
        const page = await listEvents(open().db, { scope: ALL, limit: 4, cursor })
        seen.push(...page.rows.map(({ writer, seq }) => `${writer} ${seq}`))
        cursor = page.nextCursor ?? undefined
      } while (cursor !== undefined)

      const { rows } = await listEvents(open().db, { scope: ALL, limit: 200 })
      expect(rows.map(({ kind }) => kind)).toContain('seal')
      expect(seen).toEqual(rows.map(({ writer, seq }) => `${writer} ${seq}`))
      expect(new Set(seen).size).toBe(seen.length)
    })

    test.each(['x', Buffer.from("1 ' OR 1=1").toString('base64url'), ''])(
      'a cursor that is not one of ours is refused (%s)',
      async (cursor) => {
        await expect(listEvents(open().db, { scope: MINE, cursor })).rejects.toBeInstanceOf(RequestError)
      },
    )
  })

  describe('failures of an upstream', () => {
    const asked = async (filter: { upstream?: string; failed?: boolean }) =>
      (await listRequests(open().db, { scope: MINE, ...filter })).rows.map(({ outcome }) => outcome).sort()

    test('are what did not complete, and what another upstream answered instead is of both', async () => {
      expect(await asked({ upstream: 'azure' })).toEqual(['completed'])
      expect(await asked({ upstream: 'openai', failed: true })).toEqual(['upstream_cut'])
      expect(await asked({ failed: true })).toEqual(['rejected', 'upstream_cut'])
      expect(await asked({ upstream: 'openai', failed: false })).toHaveLength(3)
      expect(await asked({ upstream: '"}]' })).toEqual([])
    })
  })

  describe('usage', () => {
    const summed = async (groupBy: readonly UsageGroup[]) =>
      await sumUsage(open().db, { scope: MINE, groupBy, sinceMs: NOON - DAY_MS, untilMs: NOON + 2 * DAY_MS })

    test('counts what nobody told apart, never as 0, and what went nowhere not as unknown', async () => {
      const { rows, more } = await summed(['model'])

      expect(more).toBe(false)
      expect(rows).toEqual(
        expect.arrayContaining([
          {
            group: { model: 'gpt-5-mini' },
            requests: 3,
            failed: 1,
            unknownUsage: 2,
            inputTokens: 20,
            outputTokens: 5,
            cachedInputTokens: null,
            reasoningTokens: null,
          },
          expect.objectContaining({
            group: { model: 'other' },
            requests: 1,
            unknownUsage: 0,
            outputTokens: 5,
          }),
          expect.objectContaining({
            group: { model: null },
            requests: 1,
            failed: 1,
            unknownUsage: 0,
            inputTokens: null,
          }),
        ]),
      )
    })

    test('of a day on which nobody told anything is unknown', async () => {
      const { rows } = await summed(['day', 'key'])

      expect(rows.map(({ group, requests, outputTokens }) => ({ ...group, requests, outputTokens }))).toEqual(
        [
          { day: '2026-11-20', key: 'app', requests: 2, outputTokens: 10 },
          { day: '2026-11-21', key: 'app', requests: 2, outputTokens: null },
          { day: '2026-11-21', key: 'shop', requests: 1, outputTokens: null },
        ],
      )
    })

    test.each<[UsageGroup, (string | null)[]]>([
      ['route', ['support-answer', null]],
      ['upstream', ['openai', null]],
      ['project', ['prj_default']],
    ])('is summed up by %s, of the own project alone', async (group, expected) => {
      const { rows } = await summed([group])

      expect(rows.map((row) => row.group[group])).toEqual(expected)
      expect(rows.reduce((sum, { requests }) => sum + requests, 0)).toBe(5)
    })
  })
})
