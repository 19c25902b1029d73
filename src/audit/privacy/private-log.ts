/**
 * The log as the gateway sees it: whatever goes in is redacted, its subject replaced by a pseudonym, and its bodies
 * sealed, before the spool sees a byte. It never changes what goes to an upstream or a caller.
 */

import { MAX_BODY_BYTES } from '../frames.ts'
import type { CloseRecord, EventLog, EventRecord, OpenRecord, RequestLog } from '../record.ts'
import type { Spool } from '../spool.ts'
import { type AuditKeys, pseudonym } from './audit-keys.ts'
import type { DataKey, DataKeys } from './data-keys.ts'
import { SEAL_BYTES, sealBody } from './sealing.ts'

export type PrivateLogSetup = {
  spool: Spool
  keys: AuditKeys
  /** Null keeps bodies as they are. */
  dataKeys: DataKeys | null
}

/** What a request's later records need of its first. */
type OpenState = { dataKey: DataKey | null; parts: number; keptBytes: number }

/** A body as kept, at most; what is cut is cut before it is sealed, or it could never be opened. */
const MAX_PLAIN_BYTES = MAX_BODY_BYTES - SEAL_BYTES

export class PrivateLog implements RequestLog, EventLog {
  readonly #setup: PrivateLogSetup
  /** As bounded as the spool's own table of open requests. */
  readonly #open = new Map<string, OpenState>()

  constructor(setup: PrivateLogSetup) {
    this.#setup = setup
  }

  async open(record: OpenRecord, requestBody: Buffer): Promise<void> {
    const { subject, dataKey } = this.#owner(record)
    if (dataKey !== null && dataKey.ready !== null) await dataKey.ready
    const body = this.#seal(dataKey, record.id, requestBody)
    const kept = { ...record, subject, dataKey: dataKey?.id ?? null }
    this.#open.set(record.id, { dataKey, parts: 0, keptBytes: 0 })
    try {
      await this.#setup.spool.open(kept, body, requestBody.length > MAX_PLAIN_BYTES)
    } catch (error) {
      this.#open.delete(record.id)
      throw error
    }
  }

  part(id: string, bytes: Buffer): void {
    const state = this.#open.get(id)
    if (state === undefined) return
    const { dataKey } = state
    const sealed = dataKey === null ? bytes : sealBody(dataKey.key, id, `part:${state.parts}`, bytes)
    state.parts += 1
    state.keptBytes += sealed.length
    this.#setup.spool.part(id, sealed)
  }

  close(record: CloseRecord, responseBody: Buffer): Promise<void> {
    const state = this.#open.get(record.id)
    // Deleted first: whatever happens to this record, nothing follows it.
    this.#open.delete(record.id)
    if (state === undefined) return this.#setup.spool.close(record, responseBody)
    const room = Math.max(0, MAX_PLAIN_BYTES - state.keptBytes)
    const plain = responseBody.length > room ? responseBody.subarray(0, room) : responseBody
    const marked = plain === responseBody || record.truncated ? record : { ...record, truncated: true }
    const { dataKey } = state
    return this.#setup.spool.close(
      marked,
      dataKey === null ? plain : sealBody(dataKey.key, record.id, 'response', plain),
    )
  }

  async whole(
    open: OpenRecord,
    close: CloseRecord,
    requestBody: Buffer,
    responseBody: Buffer,
  ): Promise<void> {
    const { subject, dataKey } = this.#owner(open)
    if (dataKey !== null && dataKey.ready !== null) await dataKey.ready
    const kept = { ...open, subject, dataKey: dataKey?.id ?? null }
    const cut = requestBody.length > MAX_PLAIN_BYTES || responseBody.length > MAX_PLAIN_BYTES
    const response =
      dataKey === null ? responseBody : sealBody(dataKey.key, open.id, 'response', bounded(responseBody))
    await this.#setup.spool.whole(
      kept,
      cut && !close.truncated ? { ...close, truncated: true } : close,
      this.#seal(dataKey, open.id, requestBody),
      response,
    )
  }

  event(record: EventRecord): Promise<void> {
    return this.#setup.spool.event(record)
  }

  #owner(record: OpenRecord): { subject: string | null; dataKey: DataKey | null } {
    const { keys, dataKeys } = this.#setup
    const { projectId } = record
    const subject = record.subject === null ? null : pseudonym(keys, projectId, record.subject)
    return { subject, dataKey: dataKeys === null ? null : dataKeys.keyFor(projectId, subject) }
  }

  #seal(dataKey: DataKey | null, id: string, body: Buffer): Buffer {
    return dataKey === null ? body : sealBody(dataKey.key, id, 'request', bounded(body))
  }
}

function bounded(body: Buffer): Buffer {
  return body.length > MAX_PLAIN_BYTES ? body.subarray(0, MAX_PLAIN_BYTES) : body
}
