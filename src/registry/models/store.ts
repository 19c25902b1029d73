/** Lists of model versions; what they share with other versions stands in registry/store.ts. */

import type { Db } from '../../db/client.ts'
import { and, asc, desc, eq, gt, lt } from '../../db/orm.ts'
import { modelVersions } from '../../db/version-tables.ts'
import type { VersionRow } from '../store.ts'

/** The newest version of each name, by name; `after` is the last name already seen. */
export async function listNewestModelVersions(
  db: Db,
  projectId: string,
  page: { after: string | null; limit: number },
): Promise<VersionRow[]> {
  return await db
    .selectDistinctOn([modelVersions.name])
    .from(modelVersions)
    .where(
      and(
        eq(modelVersions.projectId, projectId),
        page.after === null ? undefined : gt(modelVersions.name, page.after),
      ),
    )
    .orderBy(asc(modelVersions.name), desc(modelVersions.version))
    .limit(page.limit)
}

/** The versions of one name, newest first; `before` is the last number already seen. */
export async function listVersionsOfModel(
  db: Db,
  projectId: string,
  page: { name: string; before: number | null; limit: number },
): Promise<VersionRow[]> {
  return await db
    .select()
    .from(modelVersions)
    .where(
      and(
        eq(modelVersions.projectId, projectId),
        eq(modelVersions.name, page.name),
        page.before === null ? undefined : lt(modelVersions.version, page.before),
      ),
    )
    .orderBy(desc(modelVersions.version))
    .limit(page.limit)
}
