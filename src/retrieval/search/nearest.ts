/** Nearest chunks of one index version by vector, through HNSW or exactly. Its own partition: no other version's vectors are there. */

import type { Sql, TransactionSql } from 'postgres'
import type { IndexManifest } from '../indexes/manifest.ts'
import { indexedVector, partitionOf } from '../indexes/partitions.ts'

/** `score` is the cosine. */
export type Hit = { number: number; score: number }
type Place = { number: number; manifest: IndexManifest }

const NO_FILTER: Filter = { sql: '', values: [] }
/** A WHERE clause on a chunk's number; its parameters number from 2 on. */
export type Filter = { sql: string; values: readonly string[] }
/** pgvector's limit of ef_search. */
const MAX_WIDTH = 1_000
const VECTOR = /^\[[-+\d.,e]*\]$/

/**
 * Best first; ties by number. `embedding` as pgvector writes it. HNSW gives no more than it is searched wide; a width of 0
 * reads every vector, for an index whose graph does not find enough.
 */
export async function nearest(
  sql: Sql,
  index: Place & { searchWidth: number },
  embedding: string,
  limit: number,
  filter = NO_FILTER,
): Promise<Hit[]> {
  if (index.searchWidth === 0) return await readExactly(sql, index, embedding, limit, filter, false)
  const width = Math.min(MAX_WIDTH, Math.max(index.searchWidth, limit))
  if (filter.sql === '') return await readAtOnce(sql, index, embedding, limit, width)
  return await sql.begin('read only', async (transaction) => {
    await transaction.unsafe(`SET LOCAL hnsw.ef_search = ${width}`)
    // It goes on until it has enough that satisfy the filter.
    await transaction.unsafe('SET LOCAL hnsw.iterative_scan = strict_order')
    return await readNearest(transaction, index, embedding, limit, filter)
  })
}

/**
 * Setting and question in one message, which is one transaction: with BEGIN and COMMIT a search would wait for the
 * database four times. What stands in it are our own numbers.
 */
async function readAtOnce(
  sql: Sql,
  { number, manifest }: Place,
  embedding: string,
  limit: number,
  width: number,
): Promise<Hit[]> {
  if (!VECTOR.test(embedding)) throw new RangeError('A vector is a list of numbers.')
  const vector = indexedVector(manifest)
  const distance = `${vector} <=> ${vector.replace('embedding', `'${embedding}'`)}`
  const [, rows] = (await sql
    .unsafe(
      `SET LOCAL hnsw.ef_search = ${width};
       SELECT number, 1 - (${distance}) AS score FROM ${partitionOf('chunk_vectors', number)}
       ORDER BY ${distance} LIMIT ${whole(limit)}`,
    )
    .simple()) as unknown as [unknown, Hit[]]
  return rows.toSorted((a, b) => b.score - a.score || a.number - b.number)
}

/** Reads every vector: what HNSW is measured against. */
export async function nearestExactly(
  sql: Sql,
  index: Place,
  embedding: string,
  limit: number,
): Promise<Hit[]> {
  return await readExactly(sql, index, embedding, limit, NO_FILTER, true)
}

async function readExactly(
  sql: Sql,
  index: Place,
  embedding: string,
  limit: number,
  filter: Filter,
  patient: boolean,
): Promise<Hit[]> {
  return await sql.begin('read only', async (transaction) => {
    await transaction.unsafe('SET LOCAL enable_indexscan = off')
    if (patient) await transaction.unsafe('SET LOCAL statement_timeout = 0')
    return await readNearest(transaction, index, embedding, limit, filter)
  })
}

async function readNearest(
  sql: TransactionSql,
  { number, manifest }: Place,
  embedding: string,
  limit: number,
  filter: Filter,
): Promise<Hit[]> {
  const vector = indexedVector(manifest)
  const wanted = vector.replace('embedding', '$1')
  // The limit is written out: a plan for any limit might not use the index.
  const rows = await sql.unsafe<Hit[]>(
    `SELECT number, 1 - (${vector} <=> ${wanted}) AS score FROM ${partitionOf('chunk_vectors', number)}
     ${filter.sql} ORDER BY ${vector} <=> ${wanted} LIMIT ${whole(limit)}`,
    [embedding, ...filter.values],
    { prepare: true },
  )
  return rows.toSorted((a, b) => b.score - a.score || a.number - b.number)
}

export function whole(limit: number): number {
  if (!Number.isSafeInteger(limit) || limit < 0) throw new RangeError(`${limit} is no limit.`)
  return limit
}
