import { rm } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { killedWriter } from '../support/audit-killed-writer.ts'
import { aFolder } from '../support/audit-records.ts'
import { startAuditRoom } from '../support/audit-room.ts'
import { describeDatabases } from '../support/database.ts'
import { until } from '../support/process.ts'

const KILLS = 10

describeDatabases('a gateway killed while it ships', (open) => {
  const countRows = async () => {
    const [{ rows } = { rows: 0 }] = await open().sql<{ rows: number }[]>`
      SELECT count(*)::int AS rows FROM requests`
    return rows
  }
  const moreRowsThan = (before: number) =>
    until('something shipped', async () => (await countRows()) > before, 60_000)

  test('has every acknowledged request in the database exactly once after the next start', async () => {
    const dataFolder = aFolder()
    const opened: string[] = []
    const closed: string[] = []
    for (let kill = 0; kill < KILLS; kill += 1) {
      const acknowledged = await killedWriter([dataFolder, open().url], async () => {
        // However slow the machine is, half of them die when they have shipped something.
        if (kill % 2 === 1) await moreRowsThan(await countRows())
        return 800 + Math.random() * 1000
      })
      opened.push(...acknowledged.opened)
      closed.push(...acknowledged.closed)
    }
    const shippedBefore = await countRows()

    const audit = startAuditRoom({ dataFolder, databaseUrl: open().url })
    const flushed = await audit.flush(60_000)
    await audit.close(0)

    const rows = await open().sql<{ id: string; outcome: string }[]>`SELECT id, outcome FROM requests`
    const outcomes = new Map(rows.map((row) => [row.id, row.outcome]))
    expect(flushed).toBe(true)
    expect(shippedBefore).toBeGreaterThan(0)
    expect(rows.length).toBe(outcomes.size)
    expect(opened.filter((id) => !outcomes.has(id))).toEqual([])
    expect(closed.filter((id) => outcomes.get(id) !== 'completed')).toEqual([])
    await rm(dataFolder, { recursive: true })
  }, 300_000)
})
