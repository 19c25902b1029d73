/** Reads what a run measured, as its verdict needs it. */

import type { Sql } from 'postgres'
import { countResults } from './count-results.ts'
import { type ItemScores, readItemScores } from './result-rows.ts'
import { parseRunContent } from './run-content.ts'
import type { RunRow } from './run-rows.ts'
import type { Measured } from './verdict.ts'

/** A row is a few hundred bytes; a whole run of 100,000 items and 50 scorers is read scorer by scorer. */
const PAGE = 5_000

export async function measureRun(sql: Sql, row: RunRow): Promise<Measured> {
  const content = parseRunContent(row.content)
  const scores = new Map<string, ItemScores[]>()
  for (const { name } of content.scorers) scores.set(name, await readScorer(sql, row, name))
  const { takenOver } = await countResults(sql, row.id)
  return { id: row.id, subject: row.subject, content, scores, ...(takenOver !== null && { takenOver }) }
}

async function readScorer(sql: Sql, row: RunRow, scorer: string): Promise<ItemScores[]> {
  const items: ItemScores[] = []
  for (;;) {
    const page = await readItemScores(sql, row, scorer, {
      after: items.at(-1)?.position ?? -1,
      limit: PAGE,
    })
    items.push(...page)
    if (page.length < PAGE) return items
  }
}
