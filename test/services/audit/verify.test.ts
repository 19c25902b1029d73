import { beforeAll, beforeEach, expect, test } from 'vitest'
import { parseCheckpoint } from '../../../src/lib/checkpoint.ts'
import { generatePrivateKey } from '../../../src/lib/ed25519.ts'
import { noteSigner, parseNote, signNote } from '../../../src/lib/signed-note.ts'
import { describeDatabases } from '../../support/database.ts'
import { type SealedLog, sealedLog } from '../../support/sealed-log.ts'
import { printCount, soakCount } from '../../support/soak.ts'
import { randomTamper, tamper } from '../../support/tamper.ts'

const TAMPERS = soakCount(500, 10_000)

describeDatabases('verifying the log', (open) => {
  let log: SealedLog

  beforeAll(async () => {
    await open().truncate()
    log = await sealedLog(open())
  }, 60_000)

  test('a log that nobody touched is intact, every record signed and accounted for', async () => {
    const report = await log.verify(open().sql)

    expect(report).toMatchObject({ status: 'intact', altered: 0, incomplete: 0, explained: 0, underWay: 0 })
    expect(report.rows).toBe(log.ids.length)
    expect(report.records).toBe(report.signed)
    expect(report).toMatchObject({ writers: 2, superHeads: 1 })
    expect(report.bodies).toBe(log.ids.length * 2)
  })

  test.each<[string, string, string]>([
    ['a column of a row', `UPDATE requests SET status = 500 WHERE id = $1`, 'column_mismatch'],
    ['what a row mirrors', `UPDATE requests SET shadow_of = id WHERE id = $1`, 'column_mismatch'],
    ['what a row replays', `UPDATE requests SET replay_of = id WHERE id = $1`, 'column_mismatch'],
    ['a subject', `UPDATE requests SET subject = 'sub_0' WHERE id = $1`, 'column_mismatch'],
    [
      'the time of a row',
      `UPDATE requests SET started_at = started_at + interval '1 ms' WHERE id = $1`,
      'column_mismatch',
    ],
    [
      'the text of a record',
      `UPDATE requests SET open_record = replace(open_record, 'POST', 'PUT') WHERE id = $1`,
      'leaf_mismatch',
    ],
    [
      'the trail of a row',
      `UPDATE requests SET trail = overlay(trail placing '\\x01'::bytea from 30) WHERE id = $1`,
      'leaf_mismatch',
    ],
    ['a row that is gone', `DELETE FROM requests WHERE id = $1`, 'record_missing'],
    [
      'a body',
      `UPDATE request_bodies SET request_raw = '\\x00' WHERE seq = (SELECT seq FROM requests WHERE id = $1)`,
      'body_mismatch',
    ],
    [
      'bodies that are gone',
      `UPDATE request_bodies SET request_raw = NULL, response_raw = NULL WHERE seq = (SELECT seq FROM requests WHERE id = $1)`,
      'body_missing',
    ],
    [
      'a data key that is gone',
      `DELETE FROM data_keys WHERE id = (SELECT data_key FROM requests WHERE id = $1)`,
      'key_missing',
    ],
  ])('%s is found and named', async (_what, statement, kind) => {
    const id = log.ids[3]!

    const report = await tamper(open().sql, statement, [id], (changed) => log.verify(changed))

    expect(report.status).toBe('altered')
    expect(report.findings.map((finding) => finding.kind)).toContain(kind)
    expect((await log.verify(open().sql)).status).toBe('intact')
  })

  test('rows that claim to fill a page each are read page by page, and none is left out', async () => {
    const statement = `UPDATE requests SET request_bytes = 20000000`

    const report = await tamper(open().sql, statement, [], (changed) => log.verify(changed))

    expect(report.findings.map(({ kind, id }) => ({ kind, id }))).toEqual(
      expect.arrayContaining(log.ids.map((id) => ({ kind: 'column_mismatch', id }))),
    )
    expect(report).toMatchObject({ rows: log.ids.length, altered: log.ids.length, incomplete: 0 })
    expect(report.bodies).toBe(log.ids.length * 2)
  })

  test('keys and bodies that are gone are found row by row, in the order of the log', async () => {
    const id = log.ids[3]!
    const statement = `WITH gone AS (DELETE FROM data_keys)
      UPDATE request_bodies SET request_raw = NULL, response_raw = NULL WHERE seq = (SELECT seq FROM requests WHERE id = $1)`

    const report = await tamper(open().sql, statement, [id], (changed) => log.verify(changed))

    const lost = report.findings.filter(({ kind }) => kind === 'key_missing' || kind === 'body_missing')
    const first = lost.filter(({ writer }) => writer === lost[0]!.writer)
    expect(lost).toHaveLength(log.ids.length)
    expect(lost.find((finding) => finding.id === id)?.kind).toBe('body_missing')
    expect(lost.filter(({ kind }) => kind === 'key_missing').length).toBeGreaterThan(log.ids.length / 2)
    expect(first.map(({ seq }) => seq)).toEqual(
      first.map(({ seq }) => seq!).sort((left, right) => left - right),
    )
  })

  test.each<[string, string, string]>([
    ['an event', `UPDATE audit_events SET purpose = 'none' WHERE kind = 'access'`, 'column_mismatch'],
    ['an event that is gone', `DELETE FROM audit_events WHERE kind = 'access'`, 'record_missing'],
    [
      'leaves',
      `UPDATE audit_leaves SET leaves = overlay(leaves placing '\\x00'::bytea from 1)`,
      'root_mismatch',
    ],
    ['leaves that are gone', `DELETE FROM audit_leaves`, 'log_shortened'],
    [
      'the last head that is gone',
      `DELETE FROM audit_checkpoints c WHERE size = (SELECT max(size) FROM audit_checkpoints d WHERE d.writer = c.writer)`,
      'super_head_missing',
    ],
    ['a head with another size', `UPDATE audit_checkpoints SET size = size - 1`, 'head_moved'],
    [
      'two rows that changed places',
      `UPDATE requests a SET open_record = b.open_record, close_record = b.close_record FROM requests b WHERE a.writer = b.writer AND a.seq <> b.seq`,
      'leaf_mismatch',
    ],
    [
      'a writer that is hidden',
      `DELETE FROM audit_super_checkpoints; INSERT INTO ship_cursors SELECT '01900000-0000-7000-8000-000000000000', 0, true, now()`,
      'writer',
    ],
    [
      'requests of an ended writer called open',
      `UPDATE ship_cursors SET open_seqs = '{1}'`,
      'open_after_end',
    ],
  ])('%s is found', async (_what, statement, kind) => {
    const report = await tamper(open().sql, statement, [], (changed) => log.verify(changed))

    if (kind === 'writer') expect(report.writers).toBe(3)
    else {
      expect(report.status).toBe('altered')
      expect(report.findings.map((finding) => finding.kind)).toContain(kind)
    }
  })

  test.each<[string, string, string]>([
    ['a number beyond what JavaScript counts', '9007199254740993', 'row_moved'],
    ['a number below zero', '-9223372036854775808', 'row_moved'],
  ])('a row put in at %s is found, and nothing waits for it', async (_what, seq, kind) => {
    const columns = (
      await open().sql<{ name: string }[]>`
        SELECT attname AS name FROM pg_attribute
        WHERE attrelid = 'requests'::regclass AND attnum > 0 AND NOT attisdropped`
    ).map(({ name }) => `"${name}"`)
    const copied = columns.map((name) => (name === '"seq"' ? `'${seq}'::bigint` : name))
    const statement = `INSERT INTO requests (${columns}) SELECT ${copied} FROM requests WHERE id = $1`

    const report = await tamper(open().sql, statement, [log.ids[3]!], (changed) => log.verify(changed))

    expect(report.status).toBe('altered')
    expect(report.findings.map((finding) => finding.kind)).toContain(kind)
  })

  test('rows that call themselves as large as nothing else are still read, each of them once', async () => {
    const statement = `UPDATE requests SET request_bytes = 9223372036854775807, response_bytes = 9223372036854775807`

    const report = await tamper(open().sql, statement, [], (changed) => log.verify(changed))

    expect(report).toMatchObject({ status: 'altered', rows: log.ids.length, bodies: log.ids.length * 2 })
    expect(new Set(report.findings.map(({ kind }) => kind))).toEqual(new Set(['column_mismatch']))
    expect(report.altered).toBe(log.ids.length * 2)
  })

  test('leaves put in far behind the others are found, and nothing counts up to them', async () => {
    const statement = `INSERT INTO audit_leaves SELECT DISTINCT ON (writer) writer, 4503599627370496, leaves FROM audit_leaves ORDER BY writer, first_seq`

    const report = await tamper(open().sql, statement, [], (changed) => log.verify(changed))

    expect(report.status).toBe('altered')
    expect(report.findings.map((finding) => finding.kind)).toContain('leaves_missing')
  })

  test('a whole log written anew and signed with another key is not the one that was signed', async () => {
    const stranger = noteSigner('aval', generatePrivateKey())
    const heads = await open().sql<
      { writer: string; size: string; note: string }[]
    >`SELECT writer, size, note FROM audit_checkpoints`
    const forged = heads.map(({ note }) => signNote(parseNote(note).text, stranger))

    const report = await tamper(
      open().sql,
      `UPDATE audit_checkpoints c SET note = f.note FROM unnest($1::text[], $2::text[], $3::text[]) AS f (writer, size, note)
       WHERE c.writer::text = f.writer AND c.size::text = f.size`,
      [heads.map(({ writer }) => writer), heads.map(({ size }) => size), forged],
      (changed) => log.verify(changed),
    )

    expect(report.status).toBe('altered')
    expect(report.findings.map((finding) => finding.kind)).toContain('head_signature')
  })

  test('a log cut back to an older state is found by whoever holds a head of it', async () => {
    const [head] = await open().sql<{ writer: string; note: string }[]>`
      SELECT writer, note FROM audit_checkpoints ORDER BY size DESC LIMIT 1`
    const outside = [{ head: parseCheckpoint(parseNote(head!.note).text), from: 'heads/one.note' }]
    const cut = `
      DELETE FROM requests WHERE writer = '${head!.writer}' AND seq > 10;
      DELETE FROM audit_events WHERE writer = '${head!.writer}' AND seq > 10;
      DELETE FROM audit_checkpoints WHERE writer = '${head!.writer}';
      DELETE FROM audit_super_checkpoints;
      UPDATE audit_leaves SET leaves = substr(leaves, 1, 32 * 11) WHERE writer = '${head!.writer}';
      UPDATE ship_cursors SET next_seq = 11 WHERE writer = '${head!.writer}'`

    const alone = await tamper(open().sql, cut, [], (changed) => log.verify(changed))
    const held = await tamper(open().sql, cut, [], (changed) => log.verify(changed, { outside }))

    // Without anything kept outside, a forger with all rights can cut a log short. Docs say so.
    expect(alone.findings.map((finding) => finding.kind)).not.toContain('log_shortened')
    expect(held.findings).toContainEqual(
      expect.objectContaining({ kind: 'log_shortened', writer: head!.writer }),
    )
  })

  test(`${TAMPERS} random changes are each found`, async () => {
    const missed: string[] = []
    for (let at = 0; at < TAMPERS; at += 1) {
      const { statement, values, what } = await randomTamper(open().sql, at)
      const report = await tamper(open().sql, statement, values, (changed) => log.verify(changed))
      if (report.status === 'intact') missed.push(what)
    }

    expect(missed).toEqual([])
    printCount(`${TAMPERS} random changes to a log: all found`)
    expect((await log.verify(open().sql)).status).toBe('intact')
  }, 3_600_000)
})

describeDatabases('verifying a log in several threads', (open) => {
  let log: SealedLog
  const threads = () => ({ databaseUrl: open().url, count: 2, fromRecords: 0, spanRows: 5 })

  beforeAll(async () => {
    await open().truncate()
    log = await sealedLog(open())
  }, 60_000)

  test('finds it intact, with the same counts', async () => {
    const report = await log.verify(open().sql, { threads: threads() })

    expect(report).toEqual(await log.verify(open().sql))
    expect(report.status).toBe('intact')
  })

  test('finds what was changed, in the same order', async () => {
    const [first, second, third, fourth] = log.ids.slice(2)
    await open().sql.begin(async (sql) => {
      for (const table of ['requests', 'request_bodies', 'data_keys'])
        await sql.unsafe(`ALTER TABLE ${table} DISABLE TRIGGER USER`)
      await sql`UPDATE requests SET status = 500 WHERE id = ${first!}`
      await sql`UPDATE requests SET open_record = replace(open_record, 'POST', 'PUT') WHERE id = ${second!}`
      await sql`DELETE FROM requests WHERE id = ${third!}`
      await sql`DELETE FROM data_keys WHERE id = (SELECT data_key FROM requests WHERE id = ${fourth!})`
    })

    const report = await log.verify(open().sql, { threads: threads() })

    expect(report).toEqual(await log.verify(open().sql))
    const kinds = report.findings.map(({ kind }) => kind)
    expect(kinds).toEqual(
      expect.arrayContaining(['column_mismatch', 'leaf_mismatch', 'record_missing', 'key_missing']),
    )
  })

  test('says what the database says when a thread cannot read', async () => {
    const nobody = { ...threads(), databaseUrl: 'postgres://nobody@127.0.0.1:1/none' }

    await expect(log.verify(open().sql, { threads: nobody })).rejects.toThrow('ECONNREFUSED')
  })
})

describeDatabases('the tables of the log', (open) => {
  beforeEach(async () => {
    await open().truncate()
    await sealedLog(open(), { writers: 1, requests: 2 })
  })

  test.each([
    'UPDATE requests SET status = 200',
    'DELETE FROM requests',
    'UPDATE request_bodies SET request_raw = NULL',
    'DELETE FROM request_bodies',
    "UPDATE audit_events SET action = 'x'",
    'DELETE FROM audit_leaves',
    'DELETE FROM audit_checkpoints',
  ])('refuse %s', async (statement) => {
    await expect(open().sql.unsafe(statement)).rejects.toMatchObject({ code: '42501' })
  })
})
