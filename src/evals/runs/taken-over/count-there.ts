/** How many answers of a run are there before it begins, as earlier runs of the project left them. */

import type { Sql } from 'postgres'
import type { Clock } from '../../../lib/clock.ts'
import type { DatasetItem } from '../../datasets/item.ts'
import type { PlannedRun } from '../create-run.ts'
import { subjectText } from '../run-content.ts'
import { type AnswererOf, answerKey } from './keys.ts'
import { countAnswers } from './rows.ts'
import { takenSince } from './take-over.ts'

/** `of` is how many were looked at; all but of the largest runs. */
export type There = { answers: number; of: number }

/** Items and repeats that are looked at: each costs a hash and a look at an index. */
const MAX_LOOKED = 20_000
/** At once, of the gateway's thread. */
const PAGE = 500

/**
 * Null for a run that takes nothing over, or whose subject may be somebody else tomorrow. What is there when the run begins may
 * be more or less.
 */
export async function countThere(
  { sql, clock, answererOf }: { sql: Sql; clock: Clock; answererOf: AnswererOf },
  projectId: string,
  { content }: PlannedRun,
): Promise<There | null> {
  if (content.cache === undefined) return null
  if (answererOf(projectId, subjectText(content.subject)) === null) return null
  const since = takenSince(clock, content.cache)
  const items = Math.max(1, Math.floor(PAGE / content.repeats))
  const there = { answers: 0, of: 0 }
  let after = -1
  while (there.of < MAX_LOOKED) {
    const page = await readItems(sql, projectId, content, { after, limit: items })
    if (page.length === 0) break
    const keys = page.flatMap(({ item }) => keysOf(answererOf, projectId, content, item))
    there.answers += await countAnswers(sql, { projectId, since }, keys)
    there.of += page.length * content.repeats
    after = page.at(-1)?.position ?? after
  }
  return there
}

function keysOf(
  answererOf: AnswererOf,
  projectId: string,
  content: PlannedRun['content'],
  item: DatasetItem,
): string[] {
  return Array.from({ length: content.repeats }, (_, repeat) =>
    answerKey(answererOf, projectId, content, { item, repeat }),
  ).filter((key) => key !== null)
}

async function readItems(
  sql: Sql,
  projectId: string,
  { dataset, split }: PlannedRun['content'],
  { after, limit }: { after: number; limit: number },
): Promise<{ position: number; item: DatasetItem }[]> {
  const rows = await sql<{ position: number; content: string }[]>`
    SELECT p.position, i.content FROM dataset_version_items p
    JOIN dataset_items i ON i.project_id = ${projectId} AND i.hash = p.hash
    WHERE p.dataset_id = ${dataset.id} AND p.position > ${after}
      AND (${split}::text IS NULL OR i.content::jsonb ->> 'split' = ${split})
    ORDER BY p.position LIMIT ${limit}`
  return rows.map(({ position, content }) => ({ position, item: JSON.parse(content) as DatasetItem }))
}
