/** All SQL of vector stores; that of their files stands in file-rows.ts. Whoever works at a store holds its `run`. */

import type { Sql, TransactionSql } from 'postgres'

export type FileCounts = {
  in_progress: number
  completed: number
  failed: number
  cancelled: number
  total: number
}
export type StoreRow = {
  id: string
  projectId: string
  sourceId: string
  name: string
  description: string | null
  /** JSON. */
  metadata: string
  /** `upstream/model`. */
  embedding: string
  expiresDays: number | null
  createdBy: string
  createdByName: string | null
  /** Null for a store from before there were owners of keys. */
  createdByPerson: string | null
  /** Seconds since 1970, as the other times. */
  createdAt: number
  lastActiveAt: number
  expired: boolean
  deleted: boolean
  revision: number
  built: number
  attempts: number
  error: string | null
  /** The version that is searched. */
  indexId: string | null
  version: number | null
}
/** As a client sees it: with what its files come to. */
export type ShownStore = StoreRow & {
  usageBytes: number
  /** FileCounts as JSON. */
  counts: string
}

/** `vs_01k…` calls its source and its index `vs-01k…`: the names of both know no underscore. */
export function indexNameOf(storeId: string): string {
  return storeId.replace('_', '-')
}

const seconds = (column: string) => `floor(extract(epoch FROM ${column}))::double precision`
/** `$1` is now. */
const ROW = `s.id, s.project_id AS "projectId", s.source_id AS "sourceId", s.name, s.description,
  s.metadata::text AS metadata, s.embedding, s.expires_days AS "expiresDays", s.created_by AS "createdBy",
  s.created_by_name AS "createdByName", s.created_by_person AS "createdByPerson",
  ${seconds('s.created_at')} AS "createdAt",
  ${seconds('s.last_active_at')} AS "lastActiveAt",
  (s.expired_at IS NOT NULL OR coalesce(s.last_active_at + s.expires_days * interval '1 day' <= $1::timestamptz, false))
    AS expired,
  s.deleted_at IS NOT NULL AS deleted, s.revision::double precision AS revision, s.built::double precision AS built,
  s.attempts, s.error, s.index_id AS "indexId", v.version`
const FROM = 'FROM vector_stores s LEFT JOIN index_versions v ON v.id = s.index_id'
const SHOWN_ROW = `${ROW}, f."usageBytes", f.counts`
const SHOWN_FROM = `${FROM} CROSS JOIN LATERAL (
    SELECT coalesce(sum(usage_bytes) FILTER (WHERE state = 'completed'), 0)::double precision AS "usageBytes",
      ${countsOf('vector_store_files')} AS counts
    FROM vector_store_files WHERE store_id = s.id) AS f`

/** Counts of states as JSON text, for whoever groups rows that have one. */
export function countsOf(table: string): string {
  const count = (state: string) => `'${state}', count(*) FILTER (WHERE ${table}.state = '${state}')`
  return `json_build_object(${['in_progress', 'completed', 'failed', 'cancelled'].map(count).join(', ')},
    'total', count(${table}.state))::text`
}

export type NewStore = {
  id: string
  projectId: string
  sourceId: string
  name: string
  description: string | null
  metadata: string
  embedding: string
  expiresDays: number | null
  createdBy: string
  createdByName: string | null
  createdByPerson: string
  now: string
}

/** With its empty source. False when the project has `maxStores`. */
export async function insertStore(
  sql: TransactionSql,
  row: NewStore,
  settings: string,
  maxStores: number,
): Promise<boolean> {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`vector stores ${row.projectId}`}, 0))`
  const rows = await sql`
    INSERT INTO vector_stores (id, project_id, source_id, name, description, metadata, embedding, expires_days, created_by,
      created_by_name, created_by_person, created_at, last_active_at, changed_at)
    SELECT ${row.id}, ${row.projectId}, ${row.sourceId}, ${row.name}, ${row.description}, ${row.metadata}::jsonb,
      ${row.embedding}, ${row.expiresDays}::integer, ${row.createdBy}, ${row.createdByName}, ${row.createdByPerson},
      ${row.now}::timestamptz, ${row.now}::timestamptz, ${row.now}::timestamptz
    WHERE (SELECT count(*) FROM vector_stores WHERE project_id = ${row.projectId} AND deleted_at IS NULL) < ${maxStores}
    RETURNING id`
  if (rows.length === 0) return false
  await sql`
    INSERT INTO sources (id, project_id, name, kind, settings, created_by, created_by_name, created_at)
    VALUES (${row.sourceId}, ${row.projectId}, ${indexNameOf(row.id)}, 'pushed', ${settings}, ${row.createdBy},
      ${row.createdByName}, ${row.now}::timestamptz)`
  return true
}

const OF_PROJECT = 'WHERE s.project_id = $2 AND s.id = $3 AND s.deleted_at IS NULL'

/** Null when the project has no such store, or no longer. */
export async function findStore(
  sql: Sql,
  projectId: string,
  id: string,
  now: string,
): Promise<StoreRow | null> {
  const rows = await sql.unsafe<StoreRow[]>(`SELECT ${ROW} ${FROM} ${OF_PROJECT}`, [now, projectId, id])
  return rows[0] ?? null
}

/** The same, counted. */
export async function findShownStore(
  sql: Sql,
  projectId: string,
  id: string,
  now: string,
): Promise<ShownStore | null> {
  const given = [now, projectId, id]
  const rows = await sql.unsafe<ShownStore[]>(`SELECT ${SHOWN_ROW} ${SHOWN_FROM} ${OF_PROJECT}`, given)
  return rows[0] ?? null
}

/** For a worker: also one that is to be deleted. */
export async function findStoreById(sql: Sql, id: string, now: string): Promise<StoreRow | null> {
  const rows = await sql.unsafe<StoreRow[]>(`SELECT ${ROW} ${FROM} WHERE s.id = $2`, [now, id])
  return rows[0] ?? null
}

/** In the order of their making, which is that of their ids. */
export async function listStores(
  sql: Sql,
  projectId: string,
  page: { order: 'asc' | 'desc'; after: string | null; before: string | null; limit: number },
  now: string,
): Promise<ShownStore[]> {
  const { forwards, reversed } = directionsOf(page)
  const rows = await sql.unsafe<ShownStore[]>(
    `SELECT ${SHOWN_ROW} ${SHOWN_FROM} WHERE s.project_id = $2 AND s.deleted_at IS NULL
       AND ($3::text IS NULL OR s.id ${forwards} $3) AND ($4::text IS NULL OR s.id ${backwards(forwards)} $4)
     ORDER BY s.id ${reversed ? directionName(backwards(forwards)) : directionName(forwards)} LIMIT $5`,
    [now, projectId, page.after, page.before, page.limit],
  )
  return reversed ? rows.toReversed() : rows
}

type Comparison = '>' | '<'

/** `forwards`: how the id of a row compares with one before it. `reversed`: the page is read from its end. */
export function directionsOf({ order, before }: { order: 'asc' | 'desc'; before: string | null }): {
  forwards: Comparison
  reversed: boolean
} {
  return { forwards: order === 'asc' ? '>' : '<', reversed: before !== null }
}

export function backwards(comparison: Comparison): Comparison {
  return comparison === '>' ? '<' : '>'
}

export function directionName(comparison: Comparison): 'ASC' | 'DESC' {
  return comparison === '>' ? 'ASC' : 'DESC'
}

export type StoreChange = {
  name?: string | undefined
  metadata?: string | undefined
  /** Null takes it away. */
  expiresDays?: number | null | undefined
}

/** What is not given stays. */
export async function changeStore(sql: Sql, id: string, change: StoreChange, now: string): Promise<void> {
  await sql`
    UPDATE vector_stores SET name = coalesce(${change.name ?? null}, name),
      metadata = coalesce(${change.metadata ?? null}::jsonb, metadata),
      expires_days = CASE WHEN ${change.expiresDays !== undefined} THEN ${change.expiresDays ?? null}::integer
        ELSE expires_days END,
      last_active_at = ${now}::timestamptz
    WHERE id = ${id}`
}

/** Locks a store that is in use until the transaction ends; false when it is gone or expired. */
export async function lockStore(sql: TransactionSql, projectId: string, id: string): Promise<boolean> {
  const rows = await sql`
    SELECT 1 FROM vector_stores
    WHERE id = ${id} AND project_id = ${projectId} AND deleted_at IS NULL AND expired_at IS NULL FOR UPDATE`
  return rows.length === 1
}

/** Says that what the store holds has changed, so that a worker makes a version of it. */
export async function markChanged(sql: TransactionSql, id: string, now: string): Promise<void> {
  await sql`
    UPDATE vector_stores SET revision = revision + 1, changed_at = ${now}::timestamptz,
      last_active_at = ${now}::timestamptz, attempts = 0
    WHERE id = ${id}`
}

/** Keeps a store that is searched from expiring; a minute's searches are one write. */
export async function markActive(sql: Sql, id: string, now: string): Promise<void> {
  await sql`
    UPDATE vector_stores SET last_active_at = ${now}::timestamptz
    WHERE id = ${id} AND last_active_at < ${now}::timestamptz - interval '1 minute'`
}

/** Nobody finds it from now on; a worker clears what was made of it. */
export async function markDeleted(sql: Sql, id: string, now: string): Promise<void> {
  await sql`
    UPDATE vector_stores SET deleted_at = ${now}::timestamptz, changed_at = ${now}::timestamptz, attempts = 0,
      rests_until = NULL
    WHERE id = ${id} AND deleted_at IS NULL`
}
