/** All SQL of index versions and their builds. Whoever builds holds the build's `run`; every write of a run that lost it does nothing. */

import type { Sql, TransactionSql } from 'postgres'
import type { Run } from '../../db/held-work.ts'
import type { Chunk } from '../chunking/packer.ts'
import { partitionOf } from './partitions.ts'

export type BuildState = 'queued' | 'building' | 'ready' | 'failed' | 'dropped'
export type BuildStep = 'chunk' | 'embed' | 'index' | 'validate'

export type IndexRow = {
  id: string
  projectId: string
  name: string
  version: number
  hash: string
  content: string
  createdBy: string
  createdByName: string | null
  createdAt: string
  number: number
  state: BuildState
  step: BuildStep | null
  documentsTotal: number
  documentsDone: number
  chunksTotal: number | null
  chunksDone: number
  tokens: number
  meanLexemes: number | null
  configurations: string | null
  validation: string | null
  error: string | null
  attempts: number
  updatedAt: string
}

const ROW = `
  v.id, v.project_id AS "projectId", v.name, v.version, v.hash, v.content, v.created_by AS "createdBy",
  v.created_by_name AS "createdByName", v.created_at AS "createdAt", v.number, b.state, b.step,
  b.documents_total AS "documentsTotal", b.documents_done AS "documentsDone", b.chunks_total AS "chunksTotal",
  b.chunks_done AS "chunksDone", b.tokens::double precision AS tokens, b.mean_lexemes AS "meanLexemes",
  b.configurations, b.validation, b.error, b.attempts, b.updated_at AS "updatedAt"`
const FROM = 'FROM index_versions v JOIN index_builds b ON b.index_id = v.id'

/** A version of a name, the newest for null; null when the project has none. */
export async function findIndex(
  sql: Sql | TransactionSql,
  projectId: string,
  { name, version }: { name: string; version: number | null },
): Promise<IndexRow | null> {
  const rows = await sql.unsafe<IndexRow[]>(
    `SELECT ${ROW} ${FROM} WHERE v.project_id = $1 AND v.name = $2 AND ($3::integer IS NULL OR v.version = $3)
     ORDER BY v.version DESC LIMIT 1`,
    [projectId, name, version],
  )
  return rows[0] ?? null
}

export async function findIndexById(sql: Sql, id: string): Promise<IndexRow | null> {
  const rows = await sql.unsafe<IndexRow[]>(`SELECT ${ROW} ${FROM} WHERE v.id = $1`, [id])
  return rows[0] ?? null
}

/** Newest first; `before` is the last id of the page before. */
export async function listIndexes(
  sql: Sql,
  projectId: string,
  page: { name: string | null; before: string | null; limit: number },
): Promise<IndexRow[]> {
  return await sql.unsafe<IndexRow[]>(
    `SELECT ${ROW} ${FROM} WHERE v.project_id = $1 AND ($2::text IS NULL OR v.name = $2)
       AND ($3::text IS NULL OR v.id < $3) ORDER BY v.id DESC LIMIT $4`,
    [projectId, page.name, page.before, page.limit],
  )
}

/** The build of a version that was just inserted. */
export async function insertBuild(
  sql: Sql | TransactionSql,
  build: { indexId: string; projectId: string; documents: number; now: string },
): Promise<void> {
  await sql`
    INSERT INTO index_builds (index_id, project_id, state, documents_total, created_at, updated_at)
    VALUES (${build.indexId}, ${build.projectId}, 'queued', ${build.documents},
      ${build.now}::timestamptz, ${build.now}::timestamptz)
    ON CONFLICT (index_id) DO NOTHING`
}

export const BUILDS = { table: 'index_builds', key: 'index_id', live: 'building' } as const

/** Makes `run` the one that builds, from where the last one stopped; false when there is nothing to build. */
export async function claimBuild(sql: Sql, { id, run }: Run, now: string): Promise<boolean> {
  const rows = await sql`
    UPDATE index_builds SET state = 'building', run = ${run}, attempts = attempts + 1, updated_at = ${now}::timestamptz
    WHERE index_id = ${id} AND state IN ('queued', 'building') RETURNING index_id`
  return rows.length === 1
}

export type BuildChange = Partial<{
  state: BuildState
  step: BuildStep
  documentsDone: number
  chunksTotal: number
  chunksDone: number
  tokens: number
  meanLexemes: number
  configurations: string
  validation: string
  error: string | null
}>

export type IndexedDocument = {
  position: number
  hash: string
  language: string | null
  /** How it wants to be cut, as canonical JSON; null as the index says. */
  chunker: string | null
  body: string
}

/**
 * Documents of a snapshot from a position on, in order: at most `limit`, and only as many as are begun within `characters`,
 * so that one at least comes however long it is.
 */
export async function documentsFrom(
  sql: Sql,
  place: { projectId: string; snapshotHash: string; source: string },
  page: { from: number; limit: number; characters: number },
): Promise<IndexedDocument[]> {
  return await sql<IndexedDocument[]>`
    SELECT position, hash, language, chunker, body FROM (
      SELECT s.position, s.hash, d.language, d.chunker, d.body,
        sum(length(d.body)) OVER (ORDER BY s.position) - length(d.body) AS before
      FROM source_snapshots w JOIN snapshot_documents s ON s.snapshot_id = w.id
      JOIN documents d ON d.project_id = ${place.projectId} AND d.hash = s.hash
      WHERE w.project_id = ${place.projectId} AND w.hash = ${place.snapshotHash} AND w.source = ${place.source}
        AND s.position >= ${page.from} AND s.position < ${page.from + page.limit}) AS paged
    WHERE before < ${page.characters} ORDER BY position`
}

/** `number` is the place of the first chunk. */
export async function insertChunks(
  sql: TransactionSql,
  index: { number: number },
  document: { position: number; hash: string; configuration: string },
  first: number,
  chunks: readonly Chunk[],
): Promise<void> {
  const rows = chunks.map(({ text, heading, start, end }, at) => ({
    number: first + at,
    heading,
    body: text,
    start_at: start,
    end_at: end,
  }))
  await sql.unsafe(
    `INSERT INTO ${partitionOf('chunks', index.number)}
       (index_number, number, document, document_hash, heading, body, start_at, end_at, configuration)
     SELECT ${index.number}, number, $2, $3, heading, body, start_at, end_at, $4
     FROM json_to_recordset($1::json) AS given
       (number integer, heading text, body text, start_at integer, end_at integer)`,
    [JSON.stringify(rows), document.position, document.hash, document.configuration],
  )
}

/** Words of a chunk: its headings count as its own. */
export const CHUNK_TEXT = "coalesce(heading || E'\\n', '') || body"

/** Counts in how many chunks each lexeme is; gives the mean length of a chunk and the configurations in use. */
export async function countLexemes(
  sql: TransactionSql,
  number: number,
): Promise<{ meanLexemes: number; configurations: string[] }> {
  const chunks = partitionOf('chunks', number)
  const lexemes = partitionOf('index_lexemes', number)
  await sql.unsafe('SET LOCAL statement_timeout = 0')
  await sql.unsafe(`DELETE FROM ${lexemes}`)
  await sql.unsafe(
    `INSERT INTO ${lexemes} (index_number, lexeme, chunks) SELECT ${number}, word, ndoc FROM ts_stat(
       'SELECT to_tsvector(configuration::regconfig, ${CHUNK_TEXT.replaceAll("'", "''")}) FROM ${chunks}')`,
  )
  const [counted] = await sql.unsafe<{ mean: number; configurations: string | null }[]>(
    `SELECT coalesce((SELECT avg(n) FROM (SELECT (SELECT coalesce(sum(cardinality(positions)), 0)
         FROM unnest(to_tsvector(configuration::regconfig, ${CHUNK_TEXT}))) AS n FROM ${chunks}) AS lengths), 0)
         ::double precision AS mean,
       (SELECT string_agg(DISTINCT configuration, ',' ORDER BY configuration) FROM ${chunks}) AS configurations`,
  )
  return {
    meanLexemes: counted?.mean ?? 0,
    configurations: (counted?.configurations ?? '').split(',').filter((name) => name !== ''),
  }
}

export type BuiltChunk = { number: number; text: string }

/** Chunks that have no vector yet, in order, from a number on. */
export async function chunksFrom(
  sql: Sql,
  number: number,
  from: number,
  limit: number,
): Promise<BuiltChunk[]> {
  return await sql.unsafe<BuiltChunk[]>(
    `SELECT number, ${CHUNK_TEXT} AS text FROM ${partitionOf('chunks', number)} c
     WHERE index_number = ${number} AND number >= $1 AND NOT EXISTS (
       SELECT FROM ${partitionOf('chunk_vectors', number)} v WHERE v.index_number = ${number} AND v.number = c.number)
     ORDER BY number LIMIT $2`,
    [from, limit],
  )
}

/** What the weights of lexemes depend on beside their chunk. */
export type TermPlace = { number: number; meanLexemes: number; k1: number; b: number }

/** Vectors of chunks, and their terms. */
export async function insertVectors(
  sql: TransactionSql,
  index: TermPlace,
  rows: readonly { number: number; embedding: string }[],
): Promise<void> {
  const { number } = index
  const given = JSON.stringify(rows)
  await sql.unsafe(
    `INSERT INTO ${partitionOf('chunk_vectors', number)} (index_number, number, embedding)
     SELECT ${number}, number, embedding::vector
     FROM json_to_recordset($1::json) AS given (number integer, embedding text)`,
    [given],
  )
  const which = 'number IN (SELECT number FROM json_to_recordset($4::json) AS given (number integer))'
  await insertTerms(sql, index, which, [given])
}

/**
 * BM25's weights of the lexemes of some chunks: tf·(k1+1) / (tf + k1·(1 − b + b·length/mean)), Robertson and Zaragoza,
 * The Probabilistic Relevance Framework (2009), without the rarity, which a query brings. `which` is a condition on a
 * chunk's `number`; its parameters number from 4 on.
 */
export async function insertTerms(
  sql: TransactionSql,
  { number, meanLexemes, k1, b }: TermPlace,
  which: string,
  values: readonly (string | number)[],
): Promise<void> {
  await sql.unsafe(
    `INSERT INTO ${partitionOf('chunk_terms', number)} (index_number, number, lexemes, weights)
     SELECT ${number}, c.number, strip(c.words), ('{' || coalesce((
         SELECT string_agg(dimension || ':' || weight, ',' ORDER BY dimension) FROM (
           SELECT lexeme_dimension(lexeme) AS dimension, max(cardinality(positions) * ($1::float8 + 1)
             / (cardinality(positions) + $1 * (1 - $2::float8 + $2 * c.length / greatest($3::float8, 1))))::real AS weight
           FROM unnest(c.words) GROUP BY 1) AS weighed), '') || '}/1000000000')::sparsevec
     FROM (
       SELECT number, words, (SELECT coalesce(sum(cardinality(positions)), 0) FROM unnest(words)) AS length FROM (
         SELECT number, to_tsvector(configuration::regconfig, ${CHUNK_TEXT}) AS words
         FROM ${partitionOf('chunks', number)} WHERE index_number = ${number} AND ${which}) AS read) AS c`,
    [k1, b, meanLexemes, ...values],
  )
}

/** Labels whose release, or whose canary, pins the version. Releases name it in their content. */
export async function labelsPinning(
  sql: TransactionSql,
  index: Pick<IndexRow, 'projectId' | 'name' | 'version'>,
): Promise<{ route: string; label: string; release: number }[]> {
  return await sql<{ route: string; label: string; release: number }[]>`
    SELECT l.route, l.label, r.number AS release
    FROM labels l JOIN releases r ON r.id IN (l.release_id, l.canary_release_id)
    WHERE l.project_id = ${index.projectId}
      AND r.content::jsonb #>> '{index,version,name}' = ${index.name}
      AND (r.content::jsonb #>> '{index,version,version}')::integer = ${index.version}
    ORDER BY l.route, l.label`
}

/** Whoever builds it finds that it has lost its run. */
export async function markDropped(sql: TransactionSql, id: string, now: string): Promise<void> {
  await sql`
    UPDATE index_builds SET state = 'dropped', run = NULL, updated_at = ${now}::timestamptz WHERE index_id = ${id}`
}

/** Says why a build waits that nobody could begin. */
export async function noteWaiting(sql: Sql, id: string, why: string): Promise<void> {
  await sql`UPDATE index_builds SET error = ${why} WHERE index_id = ${id} AND state IN ('queued', 'building')`
}
