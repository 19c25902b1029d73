import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { deriveAuditKeys } from '../../../src/audit/privacy/audit-keys.ts'
import { findReadable } from '../../../src/audit/privacy/read-bodies.ts'
import type { CloseRecord, OpenRecord } from '../../../src/audit/record.ts'
import { searchRequests } from '../../../src/audit/search.ts'
import { findRequest, listRequests, type RequestFilter } from '../../../src/audit/store.ts'
import { RequestError } from '../../../src/errors.ts'
import { newId } from '../../../src/lib/ids.ts'
import { aClose, aFolder, anOpen, auditSecrets } from '../../support/audit-records.ts'
import { startAuditRoom } from '../../support/audit-room.ts'
import { describeDatabases } from '../../support/database.ts'

const DAY_MS = 86_400_000
const NOON = Date.UTC(2026, 10, 20, 12)
const MINE = { projectId: 'prj_default', unowned: false }
const OTHERS = { projectId: 'prj_other', unowned: false }
const keys = deriveAuditKeys(auditSecrets().auditKey)
const everything: RequestFilter = { scope: MINE }

describeDatabases('the request log', (open) => {
  const ids: string[] = []

  async function seed(): Promise<void> {
    const folder = aFolder()
    const audit = startAuditRoom({ dataFolder: folder, databaseUrl: open().url })
    async function log(
      opened: Partial<OpenRecord>,
      closed: Partial<CloseRecord>,
      request: string,
      answer: string,
    ) {
      const record = anOpen(opened)
      ids.push(record.id)
      await audit.log.open(record, Buffer.from(request))
      await audit.log.close(aClose(record.id, closed), Buffer.from(answer))
    }
    await log({ startedAtMs: NOON - DAY_MS }, {}, 'Where is my PARCEL?', 'In Köln.')
    await log(
      { startedAtMs: NOON, keyId: 'vk_two', keyName: 'two', stream: true },
      { status: 502, outcome: 'upstream_error' },
      '100% sure_',
      '',
    )
    await log(
      { startedAtMs: NOON, requestedModel: 'openai/gpt-5', route: null },
      { model: 'gpt-5' },
      'b',
      'c',
    )
    await log({ startedAtMs: NOON + 1, projectId: 'prj_other' }, {}, 'a secret of others', 'd')
    for (let at = 0; at < 30; at += 1)
      await log({ startedAtMs: NOON + 1000 + (at >> 2), route: 'bulk' }, {}, 'x', 'y')
    await audit.flush(30_000)
    await audit.close(0)
    await rm(folder, { recursive: true })
  }

  beforeAll(async () => {
    ids.length = 0
    await open().truncate()
    await seed()
  })
  afterAll(() => open().truncate())

  async function listed(filter: Partial<RequestFilter> & { text?: string }): Promise<number[]> {
    const { rows } = await searchRequests(open().db, keys, { ...everything, limit: 200, ...filter })
    return rows.map(({ id }) => ids.indexOf(id)).sort((a, b) => a - b)
  }

  test.each<[string, Partial<RequestFilter> & { text?: string }, number[]]>([
    ['a time span, its start included and its end not', { sinceMs: NOON - DAY_MS, untilMs: NOON }, [0]],
    ['a key', { keyId: 'vk_two' }, [1]],
    ['a key by its name', { keyName: 'two' }, [1]],
    ['the model asked for', { model: 'openai/gpt-5' }, [2]],
    ['the model that answered', { model: 'gpt-5' }, [2]],
    ['a status', { status: { from: 500, to: 599 } }, [1]],
    ['an outcome', { outcome: 'upstream_error' }, [1]],
    ['streams', { stream: true }, [1]],
    ['a project', { scope: OTHERS }, [3]],
    ['text of a request in any case', { text: 'parcel' }, [0]],
    ['text of an answer beyond ASCII', { text: 'KÖLN' }, [0]],
    ['text with what LIKE would take for wildcards', { text: '100% SURE_' }, [1]],
    ['text that only wildcards would match', { text: '1%e' }, []],
    ['text of another project, which is not there', { text: 'secret of others', scope: MINE }, []],
    ['several at once', { status: { from: 200, to: 200 }, route: 'support-answer', untilMs: NOON }, [0]],
  ])('is filtered by %s', async (_name, filter, expected) => {
    expect(await listed(filter)).toEqual(expected)
  })

  test('pages follow each other newest first, without a gap or a repeat, also among equal times', async () => {
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await listRequests(open().db, { ...everything, limit: 7, cursor })
      seen.push(...page.rows.map(({ id }) => id))
      cursor = page.nextCursor ?? undefined
    } while (cursor !== undefined)

    const { rows } = await listRequests(open().db, { ...everything, limit: 200 })
    expect(seen).toEqual(rows.map(({ id }) => id))
    expect(new Set(seen)).toEqual(new Set(ids.filter((_id, index) => index !== 3)))
    expect(rows.map(({ startedAt }) => -startedAt.getTime())).toEqual(
      rows.map(({ startedAt }) => -startedAt.getTime()).toSorted((a, b) => a - b),
    )
  })

  test.each([
    'x',
    '%00',
    Buffer.from(`1 ' OR 1=1 --`).toString('base64url'),
    Buffer.from(`999999999999999 ${newId('req', 1)}`).toString('base64url'),
    'A'.repeat(100_000),
    '',
  ])('a cursor that is not one of ours is refused by name (%.20s)', async (cursor) => {
    const refused = await listRequests(open().db, { ...everything, cursor }).catch((error: unknown) => error)

    expect(refused).toBeInstanceOf(RequestError)
    expect(refused).toMatchObject({ status: 400, param: 'cursor' })
  })

  test.each([0, 201, -1, 1.5, Number.NaN])('a limit of %s is refused', async (limit) => {
    await expect(listRequests(open().db, { ...everything, limit })).rejects.toMatchObject({ param: 'limit' })
  })

  test.each(['', 'x'.repeat(1001)])('a text that cannot be searched for is refused', async (text) => {
    await expect(searchRequests(open().db, keys, { ...everything, text })).rejects.toMatchObject({
      param: 'text',
    })
  })

  test.each([Number.NaN, -1, Number.POSITIVE_INFINITY])('a time of %s is refused', async (sinceMs) => {
    await expect(listRequests(open().db, { ...everything, sinceMs })).rejects.toBeInstanceOf(RequestError)
  })

  test('a request of another project is not found, nor is an id that is none', async () => {
    const { db } = open()

    expect(await findRequest(db, { id: ids[3]!, scope: MINE })).toBeNull()
    expect(await findReadable(db, keys, { id: ids[3]!, scope: OTHERS })).toMatchObject({
      responseBody: 'd',
    })
    expect(await findRequest(db, { id: newId('req', NOON), scope: MINE })).toBeNull()
    expect(await findRequest(db, { id: "req_' OR 1=1", scope: MINE })).toBeNull()
  })
})
