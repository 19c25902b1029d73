/** New index versions, and letting one go. A version is its manifest: the same one again is the version that is there. */

import type { Sql } from 'postgres'
import type { Db } from '../../db/client.ts'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import type { Actor } from '../../registry/actor.ts'
import { pushVersion } from '../../registry/push-version.ts'
import type { ChunkerSettings } from '../chunking/settings.ts'
import { type Embedder, embedTexts } from '../embed.ts'
import { PROBES } from '../probe.ts'
import { findSource, newestSnapshot, type SnapshotRow, type SourceRow } from '../sources/store.ts'
import { snapshotNow } from '../sources/stored-documents.ts'
import { type IndexManifest, manifestContent } from './manifest.ts'
import { demandIndexable, dropPartitions } from './partitions.ts'
import { findIndex, type IndexRow, insertBuild, labelsPinning, markDropped } from './store.ts'

export type NewIndex = {
  name: string
  source: string
  chunker: ChunkerSettings
  embedding: { upstream: string; model: string; queryPrefix: string; documentPrefix: string }
  storage: IndexManifest['storage']
}

export type IndexDeps = {
  db: Db
  sql: Sql
  clock: Clock
  embedderOf: (upstream: string, model: string) => Embedder | null
  digestOf: (upstream: string, model: string) => Promise<{ digest: string; pooling: string } | null>
}

/** What a version would be made of, and how much there is to do. */
export type IndexPlan = { manifest: IndexManifest; characters: number; tokens: number; chunks: number }

/** BM25's usual constants (Robertson and Zaragoza 2009 give 1.2 ≤ k1 ≤ 2 and 0.5 < b < 0.8). */
const TEXT = { k1: 1.2, b: 0.75 } as const
/** English prose, measured on this project's own documentation; other languages need more tokens. */
const CHARACTERS_PER_TOKEN = 4.2
/** Each one lost means that another version of the name was made meanwhile. */
const PUSH_TRIES = 100
const DIMENSIONS_TIMEOUT_MS = 60_000
/** Moves of labels, and everything behind the partitions' locks, wait as long as a drop does. */
const LOCK_TIMEOUT = '3s'
/** postgresql.org/docs/current/errcodes-appendix.html */
const LOCK_NOT_AVAILABLE = '55P03'

/** Asks the model for one vector, because only it knows how long they are. Throws RequestError, or UpstreamError of the model. */
export async function planIndex(deps: IndexDeps, projectId: string, wanted: NewIndex): Promise<IndexPlan> {
  const { sql, clock } = deps
  const source = await findSource(sql, projectId, wanted.source)
  if (source === null) {
    throw missing(
      `This project has no source "${wanted.source}". aval source list shows what there is.`,
      'source',
    )
  }
  const snapshot =
    source.kind === 'pushed' ? await pushedSnapshot(deps, source) : await newestSnapshot(sql, source.id)
  if (snapshot === null || snapshot.documents === 0) {
    const message = `Source "${wanted.source}" has no documents yet. Read it first: aval source sync ${wanted.source}`
    throw new RequestError('conflict', message, { param: 'source' })
  }
  const { upstream, model } = wanted.embedding
  const embedder = deps.embedderOf(upstream, model)
  if (embedder === null) {
    throw missing(
      `No upstream "${upstream}" is configured. Write upstream/model, such as local/embed.`,
      'embedding',
    )
  }
  const signal = AbortSignal.timeout(DIMENSIONS_TIMEOUT_MS)
  const probed = await embedTexts(embedder, [PROBES[0]], newId('req', clock.nowMs()), signal)
  const known = await deps.digestOf(upstream, model)
  const manifest: IndexManifest = {
    source: { name: source.name, snapshot: snapshot.hash, documents: snapshot.documents },
    chunker: wanted.chunker,
    embedding: {
      ...wanted.embedding,
      digest: known?.digest ?? null,
      pooling: known?.pooling ?? null,
      dimensions: probed.vectors[0]?.length ?? 0,
    },
    metric: 'cosine',
    storage: wanted.storage,
    text: TEXT,
  }
  try {
    demandIndexable(manifest)
  } catch (error) {
    throw new RequestError('invalid_value', (error as Error).message, { param: 'storage', cause: error })
  }
  const tokens = Math.ceil(snapshot.characters / CHARACTERS_PER_TOKEN)
  const step = Math.max(1, wanted.chunker.maxTokens - wanted.chunker.overlapTokens)
  const chunks = Math.max(snapshot.documents, Math.ceil(tokens / step))
  return { manifest, characters: snapshot.characters, tokens, chunks }
}

function pushedSnapshot({ sql, clock }: IndexDeps, { id, projectId, name }: SourceRow): Promise<SnapshotRow> {
  const nowMs = clock.nowMs()
  const now = new Date(nowMs).toISOString()
  return snapshotNow(sql, { id: newId('snp', nowMs), projectId, sourceId: id, source: name, now })
}

/** Adds the version whose build is to be queued, or finds the one with this manifest: `created` tells which. */
export async function createIndex(
  { db, sql, clock }: Pick<IndexDeps, 'db' | 'sql' | 'clock'>,
  actor: Actor,
  name: string,
  manifest: IndexManifest,
): Promise<{ index: IndexRow; created: boolean }> {
  const { projectId } = actor
  const content = manifestContent(manifest)
  const push = { kind: 'index' as const, name, content, expectedVersion: null, tries: PUSH_TRIES }
  const pushed = await pushVersion({ db, clock }, actor, push)
  if (pushed === null) {
    throw new RequestError('conflict', `Others make versions of "${name}" without pause. Try again.`)
  }
  const { id, version } = pushed.row
  // A process that died between the two left a version without a build: the next one gives it one.
  const now = new Date(clock.nowMs()).toISOString()
  await insertBuild(sql, { indexId: id, projectId, documents: manifest.source.documents, now })
  return { index: await getIndex(sql, projectId, { name, version }), created: pushed.created }
}

/** Throws RequestError not_found, also for one of another project. */
export async function getIndex(
  sql: Sql,
  projectId: string,
  wanted: { name: string; version: number | null },
): Promise<IndexRow> {
  const found = await findIndex(sql, projectId, wanted)
  if (found !== null) return found
  const what = wanted.version === null ? wanted.name : `${wanted.name}@${wanted.version}`
  throw missing(`This project has no index ${what}. aval index list shows what there is.`, 'index')
}

/** As `tryDropIndex`, but throws RequestError conflict for a version that is not dropped. */
export async function dropIndex(deps: Pick<IndexDeps, 'sql' | 'clock'>, index: IndexRow): Promise<void> {
  const dropped = await tryDropIndex(deps, index)
  if (dropped.outcome !== 'dropped') throw new RequestError('conflict', dropped.why)
}

/** `pinned`: a label's release needs it. `busy`: somebody uses it for longer than labels may wait. */
export type DropOutcome = 'dropped' | 'pinned' | 'busy'

/** Drops the chunks of a version; its manifest stays. Labels are locked against moves while the partitions go. */
export async function tryDropIndex(
  { sql, clock }: Pick<IndexDeps, 'sql' | 'clock'>,
  index: IndexRow,
): Promise<{ outcome: 'dropped' } | { outcome: 'pinned' | 'busy'; why: string }> {
  const { id, name, version, number } = index
  try {
    const pins = await sql.begin(async (transaction) => {
      await transaction.unsafe(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`)
      // Moves of labels write this table; dropping waits for them, and they for it.
      await transaction`LOCK TABLE labels IN SHARE MODE`
      const found = await labelsPinning(transaction, index)
      if (found.length > 0) return found
      await markDropped(transaction, id, new Date(clock.nowMs()).toISOString())
      await dropPartitions(transaction, number)
      return []
    })
    if (pins.length === 0) return { outcome: 'dropped' }
    const named = pins.slice(0, 5).map(({ route, label, release }) => `${route}@${label} (r${release})`)
    const more = pins.length > 5 ? ` and ${pins.length - 5} more` : ''
    const why = `Index ${name}@${version} is pinned by ${named.join(', ')}${more}. Move the label first.`
    return { outcome: 'pinned', why }
  } catch (error) {
    if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE) throw error
    const why = `Index ${name}@${version} is being built or searched. Try again, or wait for its build: aval index show ${name}@${version}`
    return { outcome: 'busy', why }
  }
}

function missing(message: string, param: string): RequestError {
  return new RequestError('not_found', message, { param })
}
