/** Lists of prompt versions; what they share with other versions stands in registry/store.ts. */

import type { Db } from '../../db/client.ts'
import { alias, and, asc, desc, eq, getTableColumns, gt, lt, notExists, sql } from '../../db/orm.ts'
import { promptVersions } from '../../db/version-tables.ts'
import type { VersionKey, VersionRow } from '../store.ts'

/** A version without its content, which may be large: what lists show. */
export type PromptVersionSummary = Omit<VersionRow, 'content'> & {
  description: string | null
  owner: string | null
}
const { content: _content, ...columns } = getTableColumns(promptVersions)
const summary = {
  ...columns,
  description: sql<string | null>`${promptVersions.content}::json ->> 'description'`,
  owner: sql<string | null>`${promptVersions.content}::json ->> 'owner'`,
}

/** Versions of a prompt, newest first, at most `limit`, below the number `before`. */
export async function listVersions(
  db: Db,
  prompt: VersionKey,
  page: { before: number | null; limit: number },
): Promise<PromptVersionSummary[]> {
  return await db
    .select(summary)
    .from(promptVersions)
    .where(and(ofPrompt(prompt), page.before === null ? undefined : lt(promptVersions.version, page.before)))
    .orderBy(desc(promptVersions.version))
    .limit(page.limit)
}

/** The newest version of each prompt of a project, by name, at most `limit`, after the name `after`. */
export async function listNewestVersions(
  db: Db,
  projectId: string,
  page: { after: string | null; limit: number },
): Promise<PromptVersionSummary[]> {
  const later = alias(promptVersions, 'later')
  const isNewest = notExists(
    db
      .select({ id: later.id })
      .from(later)
      .where(
        and(
          eq(later.projectId, promptVersions.projectId),
          eq(later.name, promptVersions.name),
          gt(later.version, promptVersions.version),
        ),
      ),
  )
  return await db
    .select(summary)
    .from(promptVersions)
    .where(
      and(
        eq(promptVersions.projectId, projectId),
        page.after === null ? undefined : gt(promptVersions.name, page.after),
        isNewest,
      ),
    )
    .orderBy(asc(promptVersions.name))
    .limit(page.limit)
}

function ofPrompt({ projectId, name }: VersionKey) {
  return and(eq(promptVersions.projectId, projectId), eq(promptVersions.name, name))
}
