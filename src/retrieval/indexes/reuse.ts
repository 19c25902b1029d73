/**
 * Vectors that a version before has already: the same text and the same model give the same vector, so a build embeds
 * only what is new. Never takes them from another project, another name or another model.
 */

import type { Sql, TransactionSql } from 'postgres'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { contentOf } from '../../registry/content.ts'
import { cosineOf, type Embedder, embedTexts } from '../embed.ts'
import { PROBE_BAR, PROBES } from '../probe.ts'
import { type IndexManifest, parseManifest } from './manifest.ts'
import { partitionOf } from './partitions.ts'
import { CHUNK_TEXT, type IndexRow, insertTerms, type TermPlace } from './store.ts'
import type { ValidationReport } from './validate.ts'

type Deps = { sql: Sql; clock: Clock; signal: AbortSignal }
type Base = { number: number; validation: string; content: string }

/** Versions that are looked at for one with the same model; a name whose model went to and fro has few. */
const MAX_LOOKED_AT = 5
/** Chunks of one statement: each compares them with the whole version before. */
const CHUNKS_AT_ONCE = 20_000
/** Of the lists of terms that one statement makes: each text is read for its words. */
const TERMS_AT_ONCE = 2_000

/**
 * Copies the vectors of chunks whose text stands in the newest ready version of the name with the same model, and makes
 * their terms. Does nothing without such a version, or when the model gives other vectors today. Safe to run again.
 * `own` throws in each transaction when the build is another run's.
 */
export async function reuseVectors(
  { sql, clock, signal }: Deps,
  row: IndexRow,
  embedder: Embedder,
  place: TermPlace,
  own: (transaction: TransactionSql) => Promise<void>,
): Promise<void> {
  const manifest = parseManifest(row.content)
  const base = await findBase(sql, row, manifest)
  if (base === null || !(await givesTheSame(base, embedder, manifest, { clock, signal }))) return
  const total = row.chunksTotal ?? (await countChunks(sql, row.number))
  for (let from = 0; from < total; from += CHUNKS_AT_ONCE) {
    signal.throwIfAborted()
    await sql.begin(async (transaction) => {
      await own(transaction)
      await copyVectors(transaction, base.number, row.number, from, from + CHUNKS_AT_ONCE)
    })
  }
  for (let from = 0; from < total; from += TERMS_AT_ONCE) {
    signal.throwIfAborted()
    await sql.begin(async (transaction) => {
      await own(transaction)
      await insertTerms(transaction, place, withoutTerms(row.number), [from, from + TERMS_AT_ONCE])
    })
  }
}

async function findBase(sql: Sql, row: IndexRow, manifest: IndexManifest): Promise<Base | null> {
  const versions = await sql<Base[]>`
    SELECT v.number, v.content, b.validation FROM index_versions v JOIN index_builds b ON b.index_id = v.id
    WHERE v.project_id = ${row.projectId} AND v.name = ${row.name} AND v.id <> ${row.id}
      AND b.state = 'ready' AND b.validation IS NOT NULL
    ORDER BY v.version DESC LIMIT ${MAX_LOOKED_AT}`
  const wanted = contentOf(manifest.embedding).hash
  return versions.find(({ content }) => contentOf(parseManifest(content).embedding).hash === wanted) ?? null
}

/** A remote model may be another one behind the same name; what it says of fixed texts tells. */
async function givesTheSame(
  base: Base,
  embedder: Embedder,
  { embedding }: IndexManifest,
  { clock, signal }: Omit<Deps, 'sql'>,
): Promise<boolean> {
  const { probes } = JSON.parse(base.validation) as ValidationReport
  const texts = PROBES.map((text) => embedding.queryPrefix + text)
  const { vectors } = await embedTexts(embedder, texts, newId('req', clock.nowMs()), signal)
  return vectors.every((vector, at) => {
    const kept = Float32Array.from(probes[at] ?? [])
    return kept.length === vector.length && cosineOf(kept, vector) >= PROBE_BAR
  })
}

async function countChunks(sql: Sql, number: number): Promise<number> {
  const [row] = await sql.unsafe<{ chunks: number }[]>(
    `SELECT count(*)::integer AS chunks FROM ${partitionOf('chunks', number)}`,
  )
  return row?.chunks ?? 0
}

/** By the whole text's digest: texts themselves would not fit into the memory of a join. */
async function copyVectors(
  sql: TransactionSql,
  base: number,
  number: number,
  from: number,
  before: number,
): Promise<void> {
  const digest = `sha256(convert_to(${CHUNK_TEXT}, 'UTF8'))`
  await sql.unsafe('SET LOCAL statement_timeout = 0')
  await sql.unsafe(
    `INSERT INTO ${partitionOf('chunk_vectors', number)} (index_number, number, embedding)
     SELECT ${number}, own.number, v.embedding
     FROM (SELECT number, ${digest} AS digest FROM ${partitionOf('chunks', number)}
       WHERE index_number = ${number} AND number >= $1 AND number < $2) AS own
     JOIN (SELECT min(number) AS number, digest
       FROM (SELECT number, ${digest} AS digest FROM ${partitionOf('chunks', base)}) AS read
       GROUP BY digest) AS old ON old.digest = own.digest
     JOIN ${partitionOf('chunk_vectors', base)} v ON v.index_number = ${base} AND v.number = old.number
     ON CONFLICT DO NOTHING`,
    [from, before],
  )
}

function withoutTerms(number: number): string {
  const own = (table: string) => `SELECT number FROM ${table} WHERE index_number = ${number}
    AND number >= $4 AND number < $5`
  return `number >= $4 AND number < $5 AND number IN (${own(partitionOf('chunk_vectors', number))})
    AND number NOT IN (${own(partitionOf('chunk_terms', number))})`
}
