/** What the log says of an index in use, in SQL: by version, project and time. */

import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RetrievalRecord } from '../../../src/audit/record.ts'
import { countRequests } from '../../../src/audit/store.ts'
import { readIndexSignals } from '../../../src/audit/usage/retrieval-signals.ts'
import { aClose, aFolder, anOpen } from '../../support/audit-records.ts'
import { startAuditRoom } from '../../support/audit-room.ts'
import { describeDatabases } from '../../support/database.ts'

const DAY_MS = 86_400_000
const NOON = Date.UTC(2026, 10, 20, 12)

function retrieval(
  cosines: readonly (number | null)[],
  more: Partial<RetrievalRecord> = {},
): RetrievalRecord {
  const contexts = cosines.map((cosine, at) => ({
    chunk: at + 1,
    document: `${at}.md`,
    hash: 'aa',
    score: 0.03 - at / 100,
    cosine,
  }))
  return { contexts, without: null, durationMs: 10, ...more }
}

describeDatabases('signals of an index', (open) => {
  let folder: string

  beforeAll(async () => {
    folder = aFolder()
    const { log, ...audit } = startAuditRoom({ dataFolder: folder, databaseUrl: open().url })
    const request = async (opened: Parameters<typeof anOpen>[0], found: RetrievalRecord | null) => {
      const record = anOpen({ startedAtMs: NOON, ...opened })
      await log.open(record, Buffer.from('q'))
      await log.close(aClose(record.id, found === null ? {} : { retrieval: found }), Buffer.from('a'))
    }
    const five = { index: 'handbook@5' }
    // The best cosine is not always the first passage's.
    await request(five, retrieval([0.2, 0.6], { durationMs: 20 }))
    await request(five, retrieval([0.4]))
    await request(five, retrieval([]))
    await request(five, retrieval([null, null], { without: 'vectors', durationMs: 30 }))
    await request(five, retrieval([0.8], { without: 'words' }))
    await request(five, null)
    await request({ index: 'handbook@4' }, retrieval([0.9]))
    await request({ index: 'handbook-old@1' }, retrieval([0.9]))
    await request({ ...five, projectId: 'prj_other' }, retrieval([0.9]))
    await request({ ...five, startedAtMs: NOON + DAY_MS }, retrieval([0.9]))
    await request({}, null)
    await audit.close(20_000)
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const signals = (minScore: number | null = null) =>
    readIndexSignals(open().sql, {
      projectId: 'prj_default',
      index: 'handbook',
      sinceMs: NOON - 1000,
      untilMs: NOON + 3_600_000,
      minScore,
    })

  test('stand version by version, in one project and in the time that was asked for', async () => {
    const [five, four, ...others] = await signals()

    expect(five).toMatchObject({
      index: 'handbook@5',
      searched: 5,
      unsearched: 1,
      empty: 1,
      withoutVectors: 1,
      withoutWords: 1,
      compared: 3,
      below: null,
    })
    expect(five?.cosine).toEqual({
      p5: expect.closeTo(0.42),
      p25: expect.closeTo(0.5),
      p50: 0.6,
      p75: expect.closeTo(0.7),
      p95: expect.closeTo(0.78),
    })
    expect(five?.score).toMatchObject({ p5: 0.03, p95: 0.03 })
    expect(five?.durationMs).toMatchObject({ p5: 10, p50: 10, p75: 20 })
    expect(four).toMatchObject({ index: 'handbook@4', searched: 1 })
    expect(others).toEqual([])
  })

  test('count searches whose best lies below a cosine', async () => {
    expect((await signals(0.5)).map(({ below }) => below)).toEqual([1, 0])
  })

  test.each([
    ['handbook', 8],
    ['handbook@5', 7],
    ['handbook@4', 1],
    ['handbook@51', 0],
    ['hand', 0],
  ])('rows are chosen by index %s', async (index, count) => {
    const scope = { projectId: 'prj_default', unowned: false }

    expect(await countRequests(open().db, { scope, index })).toBe(count)
  })
})
