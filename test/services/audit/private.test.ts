import { readdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Audit } from '../../../src/audit/audit.ts'
import { deriveAuditKeys } from '../../../src/audit/privacy/audit-keys.ts'
import { findReadable } from '../../../src/audit/privacy/read-bodies.ts'
import { aClose, aFolder, anOpen } from '../../support/audit-records.ts'
import { startAuditRoom } from '../../support/audit-room.ts'
import { describeDatabases } from '../../support/database.ts'

const SCOPE = { projectId: 'prj_default', unowned: false }
const KEY = `sk-proj-${'Ab3dE'.repeat(10)}`
const CARD = '4111 1111 1111 1111'

describeDatabases('what the log keeps of bodies', (open) => {
  let folder = ''
  let audit: Audit

  beforeEach(async () => {
    folder = aFolder()
    await open().truncate()
    audit = startAuditRoom({ dataFolder: folder, databaseUrl: open().url })
  })
  afterEach(async () => {
    await audit.close(10_000)
    await rm(folder, { recursive: true, force: true })
  })

  const found = (id: string) => findReadable(open().db, audit.keys, { id, scope: SCOPE })

  function spoolBytes(): Buffer {
    const spool = join(folder, 'spool')
    const files = readdirSync(spool, { recursive: true, withFileTypes: true }).filter((one) => one.isFile())
    return Buffer.concat(files.map((file) => readFileSync(join(file.parentPath, file.name))))
  }

  test('secrets are taken out before a byte is written, and the record says how many', async () => {
    const record = anOpen()
    await audit.log.open(record, Buffer.from(JSON.stringify({ input: `my key is ${KEY}` })))
    await audit.log.close(aClose(record.id), Buffer.from(JSON.stringify({ output: `card ${CARD}` })))
    await audit.flush(20_000)

    const row = await found(record.id)
    expect(row).toMatchObject({
      requestBody: '{"input":"my key is [provider_key]"}',
      responseBody: '{"output":"card [card]"}',
    })
    expect(spoolBytes().includes(KEY)).toBe(false)
    const [records] = await open().sql<{ open_record: string; close_record: string }[]>`
      SELECT open_record, close_record FROM requests`
    expect(JSON.parse(records!.open_record)).toMatchObject({ redacted: { provider_key: 1 } })
    expect(JSON.parse(records!.close_record)).toMatchObject({ redacted: { card: 1 } })
  })

  test('a secret that a stream spells out letter by letter is taken out too', async () => {
    const record = anOpen({ stream: true })
    const event = (content: string) =>
      Buffer.from(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`)

    await audit.log.open(record, Buffer.from('{}'))
    for (const letter of `The key: ${KEY}. `) audit.log.part(record.id, event(letter))
    await audit.log.close(aClose(record.id), Buffer.from('data: [DONE]\n\n'))
    await audit.flush(20_000)

    const answer = String((await found(record.id))?.responseBody)
    const text = [...answer.matchAll(/"content":"([^"]*)"/g)].map((match) => match[1]).join('')
    expect(text).toBe('The key: [provider_key]. ')
    expect(answer.endsWith('data: [DONE]\n\n')).toBe(true)
  })

  test('an answer in pieces is opened piece by piece', async () => {
    const record = anOpen({ stream: true, subject: 'jo' })

    await audit.log.open(record, Buffer.from('asked'))
    for (const piece of ['one\n\n', 'two\n\n', 'three\n\n'])
      audit.log.part(record.id, Buffer.from(`data: ${piece}`))
    await audit.log.close(aClose(record.id), Buffer.from('data: [DONE]\n\n'))
    await audit.flush(20_000)

    expect(await found(record.id)).toMatchObject({
      requestBody: 'asked',
      responseBody: 'data: one\n\ndata: two\n\ndata: three\n\ndata: [DONE]\n\n',
      bodyState: 'kept',
    })
  })

  test('under another audit key, and after a swap of two bodies, nothing opens', async () => {
    const [one, other] = [anOpen(), anOpen()]
    for (const record of [one, other]) {
      await audit.log.open(record, Buffer.from(`of ${record.id}`))
      await audit.log.close(aClose(record.id), Buffer.from('answer'))
    }
    await audit.flush(20_000)

    const strange = deriveAuditKeys(Buffer.alloc(32, 9))
    const elsewhere = await findReadable(open().db, strange, { id: one.id, scope: SCOPE })
    await open().sql.begin(async (transaction) => {
      await transaction`SET LOCAL aval.maintenance = 'erase'`
      await transaction`
        UPDATE request_bodies a SET request_raw = b.request_raw FROM request_bodies b WHERE a.seq <> b.seq`
    })

    expect(elsewhere).toMatchObject({ bodyState: 'unreadable', requestBody: null })
    expect(await found(one.id)).toMatchObject({ bodyState: 'unreadable', requestBody: null })
  })

  test('subjects of two projects have nothing in common', async () => {
    const mine = anOpen({ subject: 'jo' })
    const theirs = anOpen({ subject: 'jo', projectId: 'prj_other' })
    for (const record of [mine, theirs]) {
      await audit.log.open(record, Buffer.from('x'))
      await audit.log.close(aClose(record.id), Buffer.from('y'))
    }
    await audit.flush(20_000)

    const rows = await open().sql<
      { subject: string; data_key: string }[]
    >`SELECT subject, data_key FROM requests`
    expect(new Set(rows.map(({ subject }) => subject)).size).toBe(2)
    expect(new Set(rows.map(({ data_key }) => data_key)).size).toBe(2)
    expect(rows.every(({ subject }) => /^sub_[0-9a-f]{32}$/.test(subject))).toBe(true)
  })
})
