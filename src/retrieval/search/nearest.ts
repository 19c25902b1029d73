/** Nearest chunks of one index version by vector, through HNSW or exactly. Its own partition: no other version's vectors are there. */

import type { Sql, TransactionSql } from 'postgres'
import type { IndexManifest } from '../indexes/manifest.ts'
import { indexedVector, partitionOf } from '../indexes/partitions.ts'

/** `score` is the cosine. */
export type Hit = { number: number; score: number }
type Place = { number: number; manifest: IndexManifest }

/** A condition on a chunk's number, whose parameters follow those of the statement; null takes every chunk. */
export type Filter = { condition: string | null; values: readonly string[] }
const NO_FILTER: Filter = { condition: null, values: [] }
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
  if (filter.condition === null) return await readAtOnce(sql, index, embedding, limit, width)
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
  index: Place,
  embedding: string,
  limit: number,
  width: number,
): Promise<Hit[]> {
  if (!VECTOR.test(embedding)) throw new RangeError('A vector is a list of numbers.')
  const question = nearestTo(index, `'${embedding}'`, limit, null)
  const [, rows] = (await sql
    .unsafe(`SET LOCAL hnsw.ef_search = ${width}; ${question}`)
    .simple()) as unknown as [unknown, Hit[]]
  return inOrder(rows)
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
  index: Place,
  embedding: string,
  limit: number,
  { condition, values }: Filter,
): Promise<Hit[]> {
  const question = nearestTo(index, '$1', limit, condition)
  return inOrder(await sql.unsafe<Hit[]>(question, [embedding, ...values], { prepare: true }))
}

/** The question that HNSW answers. `wanted` is SQL. The limit is written out: a plan for any limit might not use the index. */
export function nearestTo(
  { number, manifest }: Place,
  wanted: string,
  limit: number,
  condition: string | null,
): string {
  const vector = indexedVector(manifest)
  return `SELECT number, 1 - distance AS score FROM (
      SELECT number, ${vector} <=> ${vector.replace('embedding', wanted)} AS distance
      FROM ${partitionOf('chunk_vectors', number)} ${condition === null ? '' : `WHERE ${condition}`}
      ORDER BY distance LIMIT ${whole(limit)}) AS nearest`
}

/** HNSW gives equally near ones in any order. */
function inOrder(hits: readonly Hit[]): Hit[] {
  return hits.toSorted((a, b) => b.score - a.score || a.number - b.number)
}

export function whole(limit: number): number {
  if (!Number.isSafeInteger(limit) || limit < 0) throw new RangeError(`${limit} is no limit.`)
  return limit
}
