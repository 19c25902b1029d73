/** Which data a release and its evidence rest on, with what is known of licences and languages. */

import type { Sql } from 'postgres'
import { readItemsSay } from '../../evals/runs/figure-rows.ts'
import { type ReleaseContent, refText } from '../../registry/releases/release-content.ts'
import { parseManifest } from '../../retrieval/indexes/manifest.ts'
import { findIndex } from '../../retrieval/indexes/store.ts'
import { readSnapshotFacts } from '../../retrieval/sources/snapshot-facts.ts'
import type { CardDataset, CardIndex } from './card.ts'
import type { CardRun } from './read-runs.ts'

/** More than so many licences or languages say only that there are many. */
const MAX_SAID = 20

/** Null for a release without one. Throws Error when the index that it pins is not there: somebody changed the database. */
export async function readIndex(
  sql: Sql,
  projectId: string,
  { index }: ReleaseContent,
): Promise<CardIndex | null> {
  if (index === undefined) return null
  const found = await findIndex(sql, projectId, index.version)
  if (found === null)
    throw new Error(`A release pins the index ${refText(index.version)}, which is not there.`)
  const { source, embedding } = parseManifest(found.content)
  const snapshot = { source: source.name, hash: source.snapshot }
  return {
    version: refText(index.version),
    source: source.name,
    snapshot: source.snapshot,
    documents: source.documents,
    embedding: `${embedding.upstream}/${embedding.model}`,
    ...(await readSnapshotFacts(sql, projectId, snapshot, MAX_SAID)),
  }
}

export async function readDataset(sql: Sql, { suite, row, content }: CardRun): Promise<CardDataset> {
  const { dataset, split } = content
  return {
    suite,
    run: row.id,
    version: refText(dataset),
    hash: dataset.hash,
    split,
    items: row.items,
    licences: await readItemsSay(sql, row, 'licence', MAX_SAID),
    languages: await readItemsSay(sql, row, 'language', MAX_SAID),
  }
}
