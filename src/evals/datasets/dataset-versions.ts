/** The life of a dataset: pushed as a version, listed, read, compared. A version is never changed. */

import type { Sql } from 'postgres'
import { parseVersionRef } from '../../registry/releases/release-content.ts'
import { type DatasetVersionRow, findDatasetVersion } from './store.ts'

/** The version that `returns@3` names, or the newest for `returns`; null when the project has none such. */
export async function findDataset(
  sql: Sql,
  projectId: string,
  reference: string,
): Promise<DatasetVersionRow | null> {
  const ref = parseVersionRef(reference)
  return ref === null ? null : await findDatasetVersion(sql, { projectId, name: ref.name }, ref.version)
}
