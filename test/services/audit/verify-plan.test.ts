import type { Sql } from 'postgres'
import { expect, test } from 'vitest'
import { eachRow, listDays } from '../../../src/audit/verify/source.ts'
import { describeDatabases } from '../../support/database.ts'
import { sealedLog } from '../../support/sealed-log.ts'

type Plan = { Plans?: Plan[]; 'Rows Removed by Join Filter'?: number; 'Rows Removed by Filter'?: number }

function removed({ Plans: inner = [], ...node }: Plan): number {
  const own = (node['Rows Removed by Join Filter'] ?? 0) + (node['Rows Removed by Filter'] ?? 0)
  return inner.reduce((sum, plan) => sum + removed(plan), own)
}

describeDatabases('a page of a log that nobody has statistics of', (open) => {
  test('is read by keys alone: no row is read to be thrown away', async () => {
    const { sql } = open()
    await open().truncate()
    await sql`ANALYZE`
    await sealedLog(open(), { writers: 1, requests: 40 })
    const asked: { text: string; values: (string | null)[] }[] = []
    const watched = {
      unsafe: (text: string, values: (string | null)[]) => {
        asked.push({ text, values })
        return sql.unsafe(text, values)
      },
    } as unknown as Sql
    const [day] = await listDays(sql)

    let rows = 0
    await eachRow(watched, { ...day!, afterSeq: null, upToSeq: null }, true, () => {
      rows += 1
    })

    expect(rows).toBe(41)
    for (const { text, values } of asked) {
      const [explained] = await sql.unsafe<{ 'QUERY PLAN': [{ Plan: Plan }] }[]>(
        `EXPLAIN (ANALYZE, FORMAT JSON) ${text}`,
        values,
      )
      expect(removed(explained!['QUERY PLAN'][0].Plan)).toBe(0)
    }
  })

  test('ends with what its taker throws, and the connection goes on', async () => {
    const { sql } = open()
    await open().truncate()
    await sealedLog(open(), { writers: 1, requests: 4 })
    const [day] = await listDays(sql)
    const span = { ...day!, afterSeq: null, upToSeq: null }
    let given = 0

    const reading = eachRow(sql, span, true, () => {
      given += 1
      throw new TypeError('no such row')
    })

    await expect(reading).rejects.toThrow(TypeError)
    expect(given).toBe(1)
    expect(await listDays(sql)).toEqual([day])
  })
})
