import { rm } from 'node:fs/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Audit } from '../../../src/audit/audit.ts'
import { decodeTrail, leafOf } from '../../../src/audit/trail.ts'
import { parseCheckpoint } from '../../../src/lib/checkpoint.ts'
import { chainHead, chainStart } from '../../../src/lib/hash-chain.ts'
import { treeRoot } from '../../../src/lib/merkle.ts'
import { verifyNote } from '../../../src/lib/signed-note.ts'
import { parseVerifierKey } from '../../../src/lib/verifier-key.ts'
import { aClose, aFolder, anEvent, anOpen } from '../../support/audit-records.ts'
import { startAuditRoom } from '../../support/audit-room.ts'
import { describeDatabases } from '../../support/database.ts'

describeDatabases('the evidence of the log', (open) => {
  let folder = ''
  let audit: Audit

  beforeEach(async () => {
    folder = aFolder()
    await open().truncate()
    audit = startAuditRoom({ dataFolder: folder, databaseUrl: open().url, segmentBytes: 64 * 1024 })
  })
  afterEach(async () => {
    await audit.close(10_000)
    await rm(folder, { recursive: true, force: true })
  })

  async function seed(count: number): Promise<void> {
    for (let at = 0; at < count; at += 1) {
      const record = anOpen({ subject: at % 3 === 0 ? `user ${at % 2}` : null })
      await audit.log.open(record, Buffer.from(`question ${at}`))
      if (at % 4 === 0) audit.log.part(record.id, Buffer.from('a piece'))
      await audit.log.close(aClose(record.id), Buffer.from(`answer ${at}`))
      if (at % 5 === 0) await audit.log.event(anEvent({ action: 'requests.show', target: record.id }))
    }
  }

  type Row = { id: string; open_record: string; close_record: string; trail: Buffer }

  async function leaves(): Promise<Buffer> {
    const runs = await open().sql<{ first_seq: string; leaves: Buffer }[]>`
      SELECT first_seq, leaves FROM audit_leaves ORDER BY first_seq`
    expect(runs.map(({ first_seq }) => Number(first_seq))).toEqual(
      runs.map((_run, index) => Buffer.concat(runs.slice(0, index).map((run) => run.leaves)).length / 32),
    )
    return Buffer.concat(runs.map((run) => run.leaves))
  }

  test('every record has its leaf, and each leaf follows from what the row keeps', async () => {
    await seed(40)
    await audit.close(20_000)

    const all = await leaves()
    const rows = await open().sql<Row[]>`SELECT id, open_record, close_record, trail FROM requests`
    const events = await open().sql<{ id: string; record: string; trail: Buffer }[]>`
      SELECT id, record, trail FROM audit_events`
    const seen = new Set<number>()
    const check = (id: string, text: string, trail: Buffer, index: number) => {
      const entry = decodeTrail(trail)![index]!
      seen.add(entry.seq)
      expect(leafOf(entry, id, Buffer.from(text))).toEqual(all.subarray(entry.seq * 32, entry.seq * 32 + 32))
    }
    for (const row of rows) {
      const last = decodeTrail(row.trail)!.length - 1
      check(row.id, row.open_record, row.trail, 0)
      for (let part = 1; part < last; part += 1) check(row.id, '', row.trail, part)
      check(row.id, row.close_record, row.trail, last)
    }
    for (const event of events) check(event.id, event.record, event.trail, 0)
    expect(seen.size).toBe(all.length / 32)
    expect(rows).toHaveLength(40)
  })

  test('the last head is signed over all of it, and names the key it was signed with', async () => {
    await seed(10)
    await audit.close(20_000)

    const all = await leaves()
    const checkpoints = await open().sql<{ size: string; note: string }[]>`
      SELECT size, note FROM audit_checkpoints ORDER BY size`
    const [key] = await open().sql<{ verifier_key: string }[]>`SELECT verifier_key FROM audit_signing_keys`
    const { text } = verifyNote(checkpoints.at(-1)!.note, [parseVerifierKey(key!.verifier_key)])
    const head = parseCheckpoint(text)
    expect(head.size).toBe(all.length / 32)
    expect(head.root).toEqual(treeRoot(all))
    expect(head.chain).toEqual(chainHead(chainStart(), all))
  })

  test('no text of a body or a subject stands in spool or database', async () => {
    await seed(10)
    await audit.flush(20_000)

    const rows = await open()
      .sql`SELECT r::text AS row, b::text AS body FROM requests r JOIN request_bodies b USING (day, writer, seq)`
    const keys = await open().sql`SELECT subject, octet_length(wrapped) AS bytes FROM data_keys`
    const text = JSON.stringify([...rows, ...keys])
    expect(text).not.toMatch(/question|answer \d|user [01]|a piece/)
    expect(Buffer.from(text).includes(Buffer.from('question').toString('hex'))).toBe(false)
    expect(keys).toHaveLength(3)
  })
})
