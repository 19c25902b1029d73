/**
 * The data keys a gateway seals with: one per project, subject and UTC day, made here and put on the log, wrapped,
 * before anything is sealed under it. No database, no other gateway, no waiting but for the first request of a key.
 */

import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import type { EventRecord } from '../record.ts'
import type { AuditKeys } from './audit-keys.ts'
import { wrapKey } from './sealing.ts'

export type DataKey = { id: string; key: KeyObject; ready: Promise<void> | null }

type DataKeysSetup = {
  keys: AuditKeys
  clock: Clock
  /** Puts the key on the log; rejects when the log cannot take it. */
  keep: (record: EventRecord, wrapped: Buffer) => Promise<void>
}

/** Subjects whose keys are in memory. A subject beyond it gets another key when it comes again: rows, not data. */
const MAX_KEYS = 10_000
const KEY_BYTES = 32
const DAY_MS = 86_400_000

export class DataKeys {
  readonly #setup: DataKeysSetup
  /** In order of use, the oldest first. */
  readonly #known = new Map<string, DataKey>()
  #day = 0

  constructor(setup: DataKeysSetup) {
    this.#setup = setup
  }

  /** The key for a subject's pseudonym, or for what has no subject. While `ready` is not null the key is not on the log yet. */
  keyFor(projectId: string | null, subject: string | null): DataKey {
    const day = Math.floor(this.#setup.clock.nowMs() / DAY_MS)
    if (day !== this.#day) {
      this.#day = day
      this.#known.clear()
    }
    const owner = ownerKey(projectId, subject)
    const known = this.#known.get(owner)
    if (known === undefined) return this.#make(owner, projectId, subject)
    if (subject !== null) {
      this.#known.delete(owner)
      this.#known.set(owner, known)
    }
    return known
  }

  /** Forgets a subject's key, because it was destroyed: what comes next is sealed under another. */
  forget(projectId: string | null, subject: string | null): void {
    this.#known.delete(ownerKey(projectId, subject))
  }

  #make(owner: string, projectId: string | null, subject: string | null): DataKey {
    const { keys, clock, keep } = this.#setup
    const nowMs = clock.nowMs()
    const id = newId('dek', nowMs)
    const key = createSecretKey(randomBytes(KEY_BYTES))
    const wrapped = wrapKey(keys.wrapping, id, { projectId, subject }, key)
    const made: DataKey = { id, key, ready: null }
    made.ready = keep(keyRecord(id, nowMs, projectId, subject), wrapped).then(
      () => {
        made.ready = null
      },
      (error: unknown) => {
        if (this.#known.get(owner) === made) this.#known.delete(owner)
        throw error
      },
    )
    // Whoever uses the key waits for it; a failure that nobody waits for is told by the next use.
    made.ready.catch(() => undefined)
    this.#known.set(owner, made)
    if (this.#known.size > MAX_KEYS) this.#dropOldest()
    return made
  }

  #dropOldest(): void {
    for (const owner of this.#known.keys()) {
      this.#known.delete(owner)
      return
    }
  }
}

function ownerKey(projectId: string | null, subject: string | null): string {
  return `${projectId ?? ''}\0${subject ?? ''}`
}

function keyRecord(id: string, atMs: number, projectId: string | null, subject: string | null): EventRecord {
  return {
    id: newId('evt', atMs),
    kind: 'key',
    atMs,
    projectId,
    actorId: null,
    actorName: null,
    action: 'data_key.create',
    target: id,
    purpose: null,
    detail: { subject },
  }
}
