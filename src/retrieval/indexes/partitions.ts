/** The partitions of an index version: made empty, indexed when they are full, dropped whole. */

import type { Sql, TransactionSql } from 'postgres'
import type { IndexManifest } from './manifest.ts'

const PARENTS = ['chunks', 'chunk_terms', 'chunk_vectors', 'index_lexemes'] as const
type Parent = (typeof PARENTS)[number]

/** HNSW's own parameters (pgvector's defaults): links per vector, and how wide the search is while building. */
const HNSW_LINKS = 16
const HNSW_BUILD_WIDTH = 64
/** Enough to build 100,000 vectors of 384 dimensions in memory; more than this only helps larger ones. */
const BUILD_MEMORY = '512MB'
/** pgvector's limits of an HNSW index. */
const MAX_INDEXED = { vector: 2_000, halfvec: 4_000 } as const

export function partitionOf(parent: Parent, number: number): string {
  if (!Number.isSafeInteger(number) || number < 1) throw new RangeError(`${number} names no index.`)
  return `${parent}_${number}`
}

/** Safe to run again. */
export async function createPartitions(sql: Sql, number: number): Promise<void> {
  await sql.begin(async (transaction) => {
    for (const parent of PARENTS) {
      await transaction.unsafe(
        `CREATE TABLE IF NOT EXISTS ${partitionOf(parent, number)} PARTITION OF ${parent} FOR VALUES IN (${number})`,
      )
    }
  })
}

/** Safe to run again. */
export async function dropPartitions(sql: TransactionSql, number: number): Promise<void> {
  for (const parent of PARENTS) await sql.unsafe(`DROP TABLE IF EXISTS ${partitionOf(parent, number)}`)
}

/** The expression that is indexed and that a query has to use, word for word. */
export function indexedVector({ storage, embedding }: IndexManifest): string {
  return `embedding::${storage}(${embedding.dimensions})`
}

/** Throws RangeError for more dimensions than the storage can index. */
export function demandIndexable({ storage, embedding }: Pick<IndexManifest, 'storage' | 'embedding'>): void {
  if (embedding.dimensions <= MAX_INDEXED[storage]) return
  throw new RangeError(
    `${embedding.dimensions} dimensions are more than an index of ${storage} takes (${MAX_INDEXED[storage]}).`,
  )
}

/** Builds what searches go through. Minutes for large indexes; safe to run again. `embedded` has one session to spare. */
export async function indexPartitions(
  sql: Sql,
  { number, manifest, embedded }: { number: number; manifest: IndexManifest; embedded: boolean },
): Promise<void> {
  const vectors = partitionOf('chunk_vectors', number)
  const terms = partitionOf('chunk_terms', number)
  const { storage } = manifest
  await sql.begin(async (transaction) => {
    await transaction.unsafe('SET LOCAL statement_timeout = 0')
    if (!embedded) await transaction.unsafe(`SET LOCAL maintenance_work_mem = '${BUILD_MEMORY}'`)
    await transaction.unsafe(
      `CREATE INDEX IF NOT EXISTS ${vectors}_hnsw ON ${vectors}
       USING hnsw ((${indexedVector(manifest)}) ${storage}_cosine_ops)
       WITH (m = ${HNSW_LINKS}, ef_construction = ${HNSW_BUILD_WIDTH})`,
    )
    await transaction.unsafe(`CREATE INDEX IF NOT EXISTS ${terms}_gin ON ${terms} USING gin (lexemes)`)
  })
  for (const parent of PARENTS) await sql.unsafe(`ANALYZE ${partitionOf(parent, number)}`)
}
