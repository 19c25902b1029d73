/**
 * Writes an export's files: rows, leaves and manifest, as sealed chunks into the database. Run again after a kill it
 * begins anew under another run's name, so that files are either whole and of one run, or not there.
 */

import { randomUUID } from 'node:crypto'
import type { Db } from '../../db/client.ts'
import type { Clock } from '../../lib/clock.ts'
import { HASH_BYTES } from '../../lib/sha256.ts'
import type { AuditKeys } from '../privacy/audit-keys.ts'
import { SealError, unwrapKey } from '../privacy/sealing.ts'
import { countRows } from '../store.ts'
import { trailSeqs } from '../trail.ts'
import { ExportFile } from './export-file.ts'
import { writeJsonLines } from './json-lines.ts'
import { type ManifestWriter, manifestText } from './manifest.ts'
import { writeParquet } from './parquet.ts'
import { type ExportRecord, exportRecords } from './records.ts'
import {
  claimExport,
  findNewestHead,
  finishExport,
  insertChunk,
  leafRuns,
  listSigningKeys,
  noteProgress,
  type StoredExport,
  type WrittenFile,
} from './store.ts'

export type WriteExportDeps = {
  db: Db
  /** Null when this process has no audit key: then it can write no export. */
  keys: Pick<AuditKeys, 'wrapping'> | null
  clock: Clock
  signal: AbortSignal
  /** Bound of an export's files together. Default 8 GB. */
  maxBytes?: number
  /** After it an export goes on without knowing how many rows there will be. Default 10 s. */
  countTimeoutMs?: number
}

/** `nothing`: it is done, failed, expired or unknown. `taken-over`: another run writes it. */
export type WriteOutcome = 'done' | 'failed' | 'nothing' | 'taken-over'

/** More would be another way to fill the database; a narrower span of time helps. */
const MAX_BYTES = 8e9
/** Deaths of workers count too: an export that kills them must not go round for ever. */
const MAX_ATTEMPTS = 10
const PROGRESS_EVERY_MS = 500
const COUNT_TIMEOUT_MS = 10_000
/** 64 MB of leaves for one writer; beyond it `aval audit prove` is the better way. */
const MAX_LEAVES = 2_000_000
const MAX_ERROR_LETTERS = 500

/** What no second try would mend; its message is for whoever asked for the export. */
class ExportRefused extends Error {
  override name = 'ExportRefused'
}
class TakenOver extends Error {
  override name = 'TakenOver'
}

/** Throws what may be better at a second try; the export then says so and waits. */
export async function writeExport(deps: WriteExportDeps, id: string): Promise<WriteOutcome> {
  const { db, clock, signal } = deps
  const place = { id, run: randomUUID() }
  const now = () => new Date(clock.nowMs())
  const stored = await claimExport(db, place, now())
  if (stored === null) return 'nothing'
  try {
    if (stored.attempts > MAX_ATTEMPTS) {
      throw new ExportRefused(`Given up after ${MAX_ATTEMPTS} tries. ${stored.error ?? 'Each was cut off.'}`)
    }
    const { files, rows } = await new ExportRun(deps, stored, place.run).write()
    const ended = await finishExport(db, place, { files, rowsDone: rows, now: now() })
    return ended ? 'done' : 'taken-over'
  } catch (error) {
    if (error instanceof TakenOver) return 'taken-over'
    const message = (error instanceof Error ? error.message : String(error)).slice(0, MAX_ERROR_LETTERS)
    if (error instanceof ExportRefused) {
      await finishExport(db, place, { error: message, now: now() })
      return 'failed'
    }
    await noteProgress(db, place, {
      state: 'queued',
      updatedAt: now(),
      ...(signal.aborted ? {} : { error: message }),
    })
    throw error
  }
}

class ExportRun {
  readonly #deps: WriteExportDeps
  readonly #stored: StoredExport
  readonly #run: string
  readonly #key: ReturnType<typeof unwrapKey>
  readonly #keys: Pick<AuditKeys, 'wrapping'>
  readonly #writers = new Map<string, { fromSeq: number; toSeq: number; rows: number }>()
  #rows = 0
  #bytes = 0
  #toldMs = Number.NEGATIVE_INFINITY

  constructor(deps: WriteExportDeps, stored: StoredExport, run: string) {
    this.#deps = deps
    this.#stored = stored
    this.#run = run
    const { keys } = deps
    if (keys === null) {
      throw new ExportRefused("The worker has no audit key. Give it the gateways' AVAL_AUDIT_KEY.")
    }
    this.#keys = keys
    this.#key = exportKey(keys, stored)
  }

  async write(): Promise<{ files: WrittenFile[]; rows: number }> {
    const { db, clock } = this.#deps
    const { projectId, unowned, filters, withBodies, format } = this.#stored
    const filter = { ...filters, scope: { projectId, unowned } }
    // Before the count, which may take its time: whoever waits sees that somebody is at it.
    await this.#tell({})
    const rowsTotal = await countRows(db, filter, this.#deps.countTimeoutMs ?? COUNT_TIMEOUT_MS)
    if (rowsTotal !== null) await this.#tell({ rowsTotal })
    const records = this.#watched(exportRecords({ db, filter, bodyKeys: withBodies ? this.#keys : null }))
    const data = this.#file(format === 'jsonl' ? 'requests.jsonl.gz' : 'requests.parquet')
    await (format === 'jsonl' ? writeJsonLines(records, data) : writeParquet(records, data, withBodies))
    const files = [await data.end()]
    const writers: ManifestWriter[] = []
    for (const [writer, range] of this.#writers) {
      const head = await findNewestHead(db, writer)
      const leaves = head === null || head.size > MAX_LEAVES ? null : await this.#leaves(writer, head.size)
      if (leaves !== null) files.push(leaves)
      writers.push({ writer, ...range, head, leavesFile: leaves?.name ?? null })
    }
    const manifest = this.#file('manifest.json')
    const content = { rows: this.#rows, files, writers, finishedAt: new Date(clock.nowMs()) }
    const text = manifestText(this.#stored, { ...content, signingKeys: await listSigningKeys(db) })
    await manifest.append(Buffer.from(text))
    return { files: [...files, await manifest.end()], rows: this.#rows }
  }

  /** Null when some are missing: then there is nothing to compute a root from. */
  async #leaves(writer: string, size: number): Promise<WrittenFile | null> {
    const file = this.#file(`leaves-${writer}.bin`)
    let next = 0
    for await (const { firstSeq, leaves } of leafRuns(this.#deps.db, writer)) {
      if (firstSeq !== next || next >= size) break
      const wanted = leaves.subarray(0, (size - next) * HASH_BYTES)
      await file.append(wanted)
      next += wanted.length / HASH_BYTES
    }
    const written = await file.end()
    return next === size ? written : null
  }

  async *#watched(records: AsyncIterable<ExportRecord[]>): AsyncGenerator<ExportRecord[]> {
    const { clock, signal } = this.#deps
    for await (const page of records) {
      signal.throwIfAborted()
      for (const record of page) this.#count(record)
      yield page
      if (clock.monotonicMs() - this.#toldMs >= PROGRESS_EVERY_MS) await this.#tell({})
    }
  }

  #count({ writer, seq, trail }: ExportRecord): void {
    this.#rows += 1
    const seqs = trail === null ? [] : trailSeqs(trail)
    const range = this.#writers.get(writer)
    this.#writers.set(writer, {
      fromSeq: Math.min(range?.fromSeq ?? seq, ...seqs),
      toSeq: Math.max(range?.toSeq ?? seq, ...seqs),
      rows: (range?.rows ?? 0) + 1,
    })
  }

  async #tell(total: { rowsTotal?: number }): Promise<void> {
    const { db, clock } = this.#deps
    this.#toldMs = clock.monotonicMs()
    const progress = { rowsDone: this.#rows, updatedAt: new Date(clock.nowMs()), ...total }
    if (!(await noteProgress(db, { id: this.#stored.id, run: this.#run }, progress))) throw new TakenOver()
  }

  #file(name: string): ExportFile {
    const { db, maxBytes = MAX_BYTES } = this.#deps
    const place = { exportId: this.#stored.id, run: this.#run, name }
    return new ExportFile(place, this.#key, async (part, bytes) => {
      this.#bytes += bytes.length
      if (this.#bytes > maxBytes) {
        throw new ExportRefused(`It is larger than ${maxBytes / 1e9} GB. Export a shorter span of time.`)
      }
      await insertChunk(db, { ...place, part, bytes })
    })
  }
}

/** Throws ExportRefused when this process has another audit key than the gateway that took the order. */
function exportKey(keys: Pick<AuditKeys, 'wrapping'>, { id, projectId, wrappedKey }: StoredExport) {
  try {
    return unwrapKey(keys.wrapping, id, { projectId, subject: null }, wrappedKey)
  } catch (error) {
    if (!(error instanceof SealError)) throw error
    throw new ExportRefused(
      "The worker has another audit key than the gateway. Give it the gateways' AVAL_AUDIT_KEY.",
    )
  }
}
