/**
 * A worker at a vector store: reads the files that wait, makes a version of the index out of what the store then holds,
 * sends searches to it and drops the versions before. Killed anywhere, the next one goes on; two are never at one store.
 */

import { randomUUID } from 'node:crypto'
import type { TransactionSql } from 'postgres'
import { whileBeating } from '../../db/heartbeat.ts'
import { ConfigError, GatewayError } from '../../errors.ts'
import { splitModelName } from '../../lib/model-name.ts'
import { sleep } from '../../lib/sleep.ts'
import { chunkerSettings } from '../chunking/settings.ts'
import type { Parser } from '../documents/parser.ts'
import { type BuildDeps, buildIndex } from '../indexes/build.ts'
import { createIndex, type IndexDeps, type IndexPlan, planIndex } from '../indexes/create.ts'
import { retryBuild } from '../indexes/retry.ts'
import { findIndexById, type IndexRow } from '../indexes/store.ts'
import { removeFiles } from '../sources/store.ts'
import { putFiles } from '../sources/stored-documents.ts'
import type { UpstreamModels } from '../upstream-models.ts'
import { clearStore, type DropDeps, dropOtherVersions } from './drop-versions.ts'
import { readStoreFile } from './read-file.ts'
import { findStoreById, indexNameOf, type StoreRow } from './store.ts'
import {
  claimStore,
  failIndexing,
  hasDocuments,
  holdStore,
  needsVersion,
  nextWaiting,
  noteRead,
  publishVersion,
  readRevision,
  releaseIfDone,
  releaseStore,
  restStore,
} from './work-rows.ts'

export type UpdateDeps = Omit<BuildDeps, keyof UpstreamModels> &
  Pick<IndexDeps, 'db'> & {
    parser: Pick<Parser, 'parse'>
    /** The upstreams as they are configured now. */
    models: () => Promise<UpstreamModels>
  }

/** `nothing`: nothing waits, or another run is at it. `taken-over`: it was, and another run is at it now. */
export type UpdateOutcome = 'done' | 'nothing' | 'taken-over'

/** A run says every twenty seconds that it lives; after this another one may begin. */
export const SILENT_MS = 120_000
/** Files that come one after the other make one version: so long nothing must have changed, or so long in all. */
const QUIET_MS = 400
const MAX_WAIT_MS = 8_000
/** Versions that one job makes while changes keep coming; then others have their turn. */
const MAX_ROUNDS = 50
const MAX_ATTEMPTS = 20
const MAX_ERROR_LETTERS = 500

class TakenOver extends Error {
  override name = 'TakenOver'
}

/** Throws what may be better at a second try; the store then says so and waits. */
export async function updateStore(deps: UpdateDeps, id: string): Promise<UpdateOutcome> {
  const { sql, clock, signal } = deps
  const run = { id, run: randomUUID() }
  const at = (ms: number) => new Date(ms).toISOString()
  const nowMs = clock.nowMs()
  if (!(await claimStore(sql, run, { now: at(nowMs), alive: at(nowMs - SILENT_MS) }))) return 'nothing'
  try {
    return await whileBeating(
      () => holdStore(sql, run, at(clock.nowMs())),
      () => new Update(deps, run).all(),
    )
  } catch (error) {
    if (error instanceof TakenOver) return 'taken-over'
    const message = (error instanceof Error ? error.message : String(error)).slice(0, MAX_ERROR_LETTERS)
    // A worker that stops, or a file with mistakes in it, says nothing about the store.
    const counts = !signal.aborted && !(error instanceof ConfigError)
    await releaseStore(sql, run, { error: signal.aborted ? null : message, counts })
    throw error
  }
}

class Update {
  readonly #deps: UpdateDeps
  readonly #run: { id: string; run: string }

  constructor(deps: UpdateDeps, run: { id: string; run: string }) {
    this.#deps = deps
    this.#run = run
  }

  async all(): Promise<UpdateOutcome> {
    const { sql } = this.#deps
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const store = await findStoreById(sql, this.#run.id, this.#now())
      if (store === null) return 'done'
      if (store.deleted) {
        await this.#clear(store)
        return 'done'
      }
      const indexId = await this.#current(store)
      const restMs = await dropOtherVersions(this.#dropping, store, indexId)
      if (await releaseIfDone(sql, this.#run, this.#after(restMs))) return 'done'
    }
    await releaseStore(sql, this.#run, { error: null, counts: false })
    return 'done'
  }

  get #dropping(): DropDeps {
    const { sql, clock } = this.#deps
    return { sql, clock, own: (change) => this.#own(change) }
  }

  async #clear(store: StoreRow): Promise<void> {
    const until = this.#after(await clearStore(this.#dropping, store))
    if (until !== null) await restStore(this.#deps.sql, this.#run, until)
  }

  #after(ms: number | null): string | null {
    return ms === null ? null : new Date(this.#deps.clock.nowMs() + ms).toISOString()
  }

  /** The version that is searched from now on; one that is only looked at again keeps its own. */
  async #current(store: StoreRow): Promise<string | null> {
    if (!(await needsVersion(this.#deps.sql, store.id))) return store.indexId
    return store.attempts > MAX_ATTEMPTS ? await this.#giveUp(store) : await this.#makeVersion(store)
  }

  /** Gives the version that is searched from now on. */
  async #makeVersion(store: StoreRow): Promise<string | null> {
    const revision = await this.#readUntilQuiet(store)
    if (!(await hasDocuments(this.#deps.sql, store.sourceId))) return await this.#publish(null, revision)
    const built = await this.#build(store)
    if ('indexId' in built) return await this.#publish(built.indexId, revision)
    // What was added since waits for a version of its own.
    return await this.#fail(store, { revision, message: built.problem, todo: ['index'] })
  }

  /** Reading may be what fails, so nothing that waits is left. */
  async #giveUp(store: StoreRow): Promise<string | null> {
    const message = `Given up after ${MAX_ATTEMPTS} tries. ${store.error ?? ''}`
    return await this.#fail(store, { revision: store.revision, message, todo: ['read', 'index'] })
  }

  /** Gives the count that a version of what was read may claim: changes after it are counted on. */
  async #readUntilQuiet(store: StoreRow): Promise<number> {
    const { sql, clock, signal } = this.#deps
    const startedMs = clock.monotonicMs()
    for (;;) {
      const state = await readRevision(sql, store.id)
      if (state === null) throw new TakenOver()
      const waitingMs = QUIET_MS - Math.max(0, clock.nowMs() - state.changedAtMs)
      await this.#readWaiting(store)
      const spentMs = clock.monotonicMs() - startedMs
      if (waitingMs <= 0 || spentMs >= MAX_WAIT_MS) return state.revision
      await sleep(Math.min(waitingMs, MAX_WAIT_MS - spentMs), signal)
      signal.throwIfAborted()
    }
  }

  /** Ends: each turn takes one file off the list, and what is added meanwhile has its turn, or the next round. */
  async #readWaiting(store: StoreRow): Promise<void> {
    const { sql, signal, clock } = this.#deps
    const startedMs = clock.monotonicMs()
    for (let read = 0; ; read += 1) {
      signal.throwIfAborted()
      // A store that is never quiet still gets a version now and then.
      if (read > 0 && clock.monotonicMs() - startedMs > MAX_READING_MS) return
      const waiting = await nextWaiting(sql, store.id)
      if (waiting === null) return
      const { file } = waiting
      const found = await readStoreFile(this.#deps, store.id, waiting)
      const documents = 'documents' in found ? found.documents : []
      const usageBytes = documents.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0)
      const end = 'problem' in found ? found.problem : { usageBytes }
      await this.#own(async (transaction) => {
        if (!(await noteRead(transaction, store.id, waiting, end))) return
        if (documents.length === 0) {
          await removeFiles(transaction, store.sourceId, [file.id])
          return
        }
        const place = {
          projectId: store.projectId,
          sourceId: store.sourceId,
          sync: this.#run.run,
          now: this.#now(),
        }
        const stored = { key: file.id, digest: file.sha256, bytes: file.bytes, reason: null, error: null }
        await putFiles(transaction, place, [{ file: stored, documents }])
      })
    }
  }

  /** The version of what the store holds now, ready; or why there is none, for whoever added the files. */
  async #build(store: StoreRow): Promise<{ indexId: string } | { problem: string }> {
    const { sql, db, clock } = this.#deps
    const models = await this.#deps.models()
    const actor = {
      id: store.createdBy,
      name: store.createdByName ?? '',
      projectId: store.projectId,
      person: store.createdByPerson ?? store.createdBy,
    }
    try {
      const { manifest } = await planOf({ db, sql, clock, ...models }, store)
      const { index } = await createIndex({ db, sql, clock }, actor, indexNameOf(store.id), manifest)
      await retryBuild(sql, index, this.#now())
      const outcome = await buildIndex({ ...this.#deps, ...models }, index.id)
      const row = await findIndexById(sql, index.id)
      if (outcome === 'taken-over') throw new Error(`Another worker builds ${refOf(index)}.`)
      if (row?.state === 'ready') return { indexId: index.id }
      return { problem: row?.error ?? `${refOf(index)} was dropped while it was built.` }
    } catch (error) {
      if (!(error instanceof GatewayError) || ('retryable' in error && error.retryable === true)) throw error
      return { problem: error.message }
    }
  }

  async #publish(indexId: string | null, revision: number): Promise<string | null> {
    await this.#own((transaction) => publishVersion(transaction, this.#run.id, { indexId, revision }))
    return indexId
  }

  async #fail(store: StoreRow, failure: Parameters<typeof failIndexing>[2]): Promise<string | null> {
    const message = failure.message.slice(0, MAX_ERROR_LETTERS)
    await this.#own((transaction) => failIndexing(transaction, store.id, { ...failure, message }))
    return store.indexId
  }

  /** Throws TakenOver when the store is another run's by now, or gone, and changes nothing. */
  async #own(change: (transaction: TransactionSql) => Promise<unknown>): Promise<void> {
    await this.#deps.sql.begin(async (transaction) => {
      if (!(await holdStore(transaction, this.#run, this.#now()))) throw new TakenOver()
      await change(transaction)
    })
  }

  #now(): string {
    return new Date(this.#deps.clock.nowMs()).toISOString()
  }
}

/** Files that are read before what is read so far becomes a version. */
const MAX_READING_MS = 600_000

/** Throws what `planIndex` throws. Vectors too long for one kind of index are kept in the other. */
async function planOf(deps: IndexDeps, store: StoreRow): Promise<IndexPlan> {
  const named = splitModelName(store.embedding)
  if (named === null)
    throw new Error(`${store.id} is embedded by "${store.embedding}", which names no upstream.`)
  const name = indexNameOf(store.id)
  const embedding = { ...named, queryPrefix: '', documentPrefix: '' }
  const wanted = { name, source: name, chunker: chunkerSettings.parse({}), embedding }
  try {
    return await planIndex(deps, store.projectId, { ...wanted, storage: 'vector' })
  } catch (error) {
    if (!(error instanceof GatewayError) || error.param !== 'storage') throw error
    return await planIndex(deps, store.projectId, { ...wanted, storage: 'halfvec' })
  }
}

function refOf({ name, version }: IndexRow): string {
  return `${name}@${version}`
}
