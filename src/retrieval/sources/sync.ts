/**
 * Reads a source anew: what is as it was stays, what changed is parsed again, what is gone goes, and what cannot be read
 * is told and stops nothing. At its end stands a snapshot. Killed anywhere, it is begun again and skips what it has done.
 */

import type { Sql, TransactionSql } from 'postgres'
import { demandHeld, type HeldOutcome, type Run, whileHolding } from '../../db/held-work.ts'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { contentOf } from '../../registry/content.ts'
import { DocumentError } from '../documents/document-error.ts'
import { formatOf, READABLE_FORMATS } from '../documents/format.ts'
import type { Parser } from '../documents/parser.ts'
import { storedDocument } from './document.ts'
import { type Origin, type OriginDeps, type OriginFile, openOrigin } from './origin.ts'
import { type SourceAbout, sourceSettings } from './settings.ts'
import { findSourceById, type SourceRow } from './store.ts'
import {
  findFiles,
  markSeen,
  putFiles,
  removeUnseen,
  type StoredDocument,
  type StoredFile,
  takeSnapshot,
} from './stored-documents.ts'
import { claimSync, findSync, SYNCS, type SyncChange, type SyncRow } from './sync-rows.ts'

export type SyncDeps = OriginDeps & { sql: Sql; clock: Clock; parser: Parser; signal: AbortSignal }

/** `nothing`: it is done, failed, unknown, or waits for another sync of its source. `taken-over`: another run reads it. */
export type SyncOutcome = HeldOutcome<'done'>

const MAX_ATTEMPTS = 10
const FILES_AT_ONCE = 50
const MAX_ERROR_LETTERS = 500

/** Throws what may be better at a second try. */
export async function syncSource(deps: SyncDeps, id: string): Promise<SyncOutcome> {
  const { sql } = deps
  return await whileHolding(deps, SYNCS, id, {
    claim: (run, now) => claimSync(sql, run, now),
    work: async (run) => {
      const sync = await findSync(sql, id)
      const source = sync === null ? null : await findSourceById(sql, sync.sourceId)
      if (sync === null || source === null) return 'nothing'
      if (sync.attempts > MAX_ATTEMPTS)
        throw new DocumentError('unreadable', `Given up after ${MAX_ATTEMPTS} tries.`)
      await new Sync(deps, source, sync, run).all()
      return 'done'
    },
    isFinal: (error) => error instanceof DocumentError,
  })
}

/** Other words about a source, or another way of reading, make other documents of the same bytes. */
function markOf(digest: string, about: SourceAbout): string {
  return contentOf({ digest, language: about.language, licence: about.licence, parser: PARSER_VERSION }).hash
}

/** Raised when the same bytes would be read as another text. */
const PARSER_VERSION = 1

type Counts = { filesDone: number; added: number; changed: number; failed: number }

class Sync {
  readonly #deps: SyncDeps
  readonly #source: SourceRow
  readonly #run: Run
  readonly #about: SourceAbout
  readonly #counts: Counts

  constructor(deps: SyncDeps, source: SourceRow, { added, changed }: SyncRow, run: Run) {
    this.#deps = deps
    this.#source = source
    this.#run = run
    // What a run before this one has put is the same now, and counted.
    this.#counts = { filesDone: 0, added, changed, failed: 0 }
    this.#about = sourceSettings[source.kind].parse(JSON.parse(source.settings))
  }

  async all(): Promise<void> {
    const { sql } = this.#deps
    if (this.#source.kind !== 'pushed') await this.#readAll(await openOrigin(this.#deps, this.#source))
    await sql.begin(async (transaction) => {
      const { id, projectId, name } = this.#source
      const removed = this.#source.kind === 'pushed' ? 0 : await removeUnseen(transaction, id, this.#run.id)
      const snapshotId = await takeSnapshot(transaction, {
        id: newId('snp', this.#deps.clock.nowMs()),
        projectId,
        sourceId: id,
        source: name,
        now: this.#now(),
      })
      await this.#own(transaction, { removed, snapshotId, state: 'done' })
    })
  }

  async #readAll(origin: Origin): Promise<void> {
    const { sql, signal } = this.#deps
    await this.#own(sql, { filesTotal: origin.files.length })
    for (let at = 0; at < origin.files.length; at += FILES_AT_ONCE) {
      signal.throwIfAborted()
      await this.#readSome(origin, origin.files.slice(at, at + FILES_AT_ONCE))
    }
  }

  async #readSome(origin: Origin, files: readonly OriginFile[]): Promise<void> {
    const { sql, signal } = this.#deps
    const { id } = this.#source
    const known = await findFiles(
      sql,
      id,
      files.map(({ key }) => key),
    )
    const same: string[] = []
    for (const file of files) {
      signal.throwIfAborted()
      const before = known.get(file.key) ?? null
      const { stored, documents } = await this.#readOne(origin, file, before)
      this.#counts.filesDone += 1
      if (stored.error !== null) this.#counts.failed += 1
      if (documents === null) same.push(file.key)
      else await this.#put(stored, documents, before)
    }
    await sql.begin(async (transaction) => {
      await this.#own(transaction, this.#counts)
      await markSeen(transaction, id, same, this.#run.id)
    })
  }

  /** `documents` is null for a file that is as it was. */
  async #readOne(
    origin: Origin,
    file: OriginFile,
    before: StoredFile | null,
  ): Promise<{ stored: StoredFile; documents: StoredDocument[] | null }> {
    const { parser, signal } = this.#deps
    let digest: string | null = null
    let bytes = file.bytes
    try {
      const read = await origin.read(file, signal)
      digest = markOf(read.digest, this.#about)
      bytes = read.bytes.length
      if (before !== null && before.digest === digest) return { stored: before, documents: null }
      const format = formatOf(file.key, read.mediaType)
      if (format === null) {
        throw new DocumentError(
          'unsupported',
          `${file.key} is none of ${READABLE_FORMATS}. Convert it, or leave it out.`,
        )
      }
      const parsed = await parser.parse(read.bytes, { name: file.key, format })
      return {
        stored: { key: file.key, digest, bytes, reason: null, error: null },
        documents: parsed.map((document) => storedDocument(document, file.key, this.#about)),
      }
    } catch (error) {
      if (!(error instanceof DocumentError)) throw error
      const stored = {
        key: file.key,
        digest,
        bytes,
        reason: error.reason,
        error: error.message.slice(0, MAX_ERROR_LETTERS),
      }
      return { stored, documents: [] }
    }
  }

  async #put(stored: StoredFile, documents: StoredDocument[], before: StoredFile | null): Promise<void> {
    const { projectId, id } = this.#source
    const place = { projectId, sourceId: id, sync: this.#run.id, now: this.#now() }
    if (stored.error === null) this.#counts[before === null ? 'added' : 'changed'] += 1
    await this.#deps.sql.begin(async (transaction) => {
      await this.#own(transaction, this.#counts)
      await putFiles(transaction, place, [{ file: stored, documents }])
    })
  }

  #now(): string {
    return new Date(this.#deps.clock.nowMs()).toISOString()
  }

  async #own(sql: Sql | TransactionSql, change: SyncChange): Promise<void> {
    await demandHeld(sql, SYNCS, this.#run, change, this.#now())
  }
}
