/**
 * The log as the gateway sees it: whatever goes in is redacted, its subject replaced by a pseudonym, and its bodies
 * sealed, before the spool sees a byte. It never changes what goes to an upstream or a caller.
 */

import type { RedactionRules } from '../../lib/redaction-rules.ts'
import { MAX_BODY_BYTES } from '../frames.ts'
import type { CloseRecord, EventLog, EventRecord, OpenRecord, RequestLog } from '../record.ts'
import { createRedactor, type Redactor } from '../redact/redactor.ts'
import type { StreamRedactor } from '../redact/stream.ts'
import type { Spool } from '../spool.ts'
import { type AuditKeys, isPseudonym, pseudonym } from './audit-keys.ts'
import type { DataKey, DataKeys } from './data-keys.ts'
import { type BodySlot, SEAL_BYTES, sealBody } from './sealing.ts'

export type PrivateLogSetup = {
  spool: Spool
  keys: AuditKeys
  /** Null keeps bodies as they are. */
  dataKeys: DataKeys | null
  redaction: RedactionRules
}

/** What a request's later records need of its first. */
type OpenState = {
  dataKey: DataKey | null
  /** Of a streamed answer; it holds back what may still become something to take out. */
  stream: StreamRedactor | null
  parts: number
  keptBytes: number
}

/** A body as kept, at most; what is cut is cut before it is sealed, or it could never be opened. */
const MAX_PLAIN_BYTES = MAX_BODY_BYTES - SEAL_BYTES

export class PrivateLog implements RequestLog, EventLog {
  readonly #setup: PrivateLogSetup
  /** As bounded as the spool's own table of open requests. */
  readonly #open = new Map<string, OpenState>()
  #redactor: Redactor

  constructor(setup: PrivateLogSetup) {
    this.#setup = setup
    this.#redactor = createRedactor(setup.redaction, setup.keys.tokens)
  }

  /** For requests that begin from now on. Throws RangeError for a pattern that RE2 refuses. */
  useRedaction(rules: RedactionRules): void {
    this.#redactor = createRedactor(rules, this.#setup.keys.tokens)
  }

  async open(record: OpenRecord, requestBody: Buffer): Promise<void> {
    const { kept, dataKey, body } = this.#prepare(record, requestBody)
    if (dataKey !== null && dataKey.ready !== null) await dataKey.ready
    const stream = record.stream ? this.#redactor.openStream() : null
    this.#open.set(record.id, { dataKey, stream, parts: 0, keptBytes: 0 })
    try {
      await this.#setup.spool.open(
        kept,
        sealed(dataKey, record.id, 'request', body),
        body.length > MAX_PLAIN_BYTES,
      )
    } catch (error) {
      this.#open.delete(record.id)
      throw error
    }
  }

  part(id: string, bytes: Buffer): void {
    const state = this.#open.get(id)
    if (state === undefined) return
    const plain = state.stream === null ? bytes : state.stream.push(bytes)
    // All of it is held back: the next part or the end has it.
    if (plain.length === 0) return
    const body = sealed(state.dataKey, id, `part:${state.parts}`, plain)
    state.parts += 1
    state.keptBytes += body.length
    this.#setup.spool.part(id, body)
  }

  close(record: CloseRecord, responseBody: Buffer): Promise<void> {
    const state = this.#open.get(record.id)
    // Deleted first: whatever happens to this record, nothing follows it.
    this.#open.delete(record.id)
    if (state === undefined) return this.#setup.spool.close(record, responseBody)
    const { body, found } = this.#lastOf(state, responseBody)
    // The table it was in may outlive it (ADR 38), and with it what the stream holds back.
    state.stream = null
    const room = Math.max(0, MAX_PLAIN_BYTES - state.keptBytes)
    const plain = body.length > room ? body.subarray(0, room) : body
    const kept = this.#kept(record, { parts: state.parts, found, cut: plain !== body })
    return this.#setup.spool.close(kept, sealed(state.dataKey, record.id, 'response', plain))
  }

  async whole(
    open: OpenRecord,
    close: CloseRecord,
    requestBody: Buffer,
    responseBody: Buffer,
  ): Promise<void> {
    const { kept, dataKey, body } = this.#prepare(open, requestBody)
    if (dataKey !== null && dataKey.ready !== null) await dataKey.ready
    const response = this.#redactor.redact(responseBody)
    const cut = body.length > MAX_PLAIN_BYTES || response.body.length > MAX_PLAIN_BYTES
    await this.#setup.spool.whole(
      kept,
      this.#kept(close, { parts: 0, found: response.found, cut }),
      sealed(dataKey, open.id, 'request', body),
      sealed(dataKey, open.id, 'response', response.body),
    )
  }

  event(record: EventRecord): Promise<void> {
    return this.#setup.spool.event(record)
  }

  #prepare(record: OpenRecord, requestBody: Buffer) {
    const { keys, dataKeys } = this.#setup
    const { projectId } = record
    const given = record.subject
    const subject = given === null || isPseudonym(given) ? given : pseudonym(keys, projectId, given)
    const dataKey = dataKeys === null ? null : dataKeys.keyFor(projectId, subject)
    const { body, found } = this.#redactor.redact(requestBody)
    const kept: OpenRecord = { ...record, subject, dataKey: dataKey?.id ?? null }
    if (found !== null) kept.redacted = found
    return { kept, dataKey, body }
  }

  #lastOf({ stream }: OpenState, responseBody: Buffer) {
    if (stream === null) return this.#redactor.redact(responseBody)
    const rest = stream.push(responseBody)
    const held = stream.end()
    const body = held.length === 0 ? rest : rest.length === 0 ? held : Buffer.concat([rest, held])
    return { body, found: stream.found }
  }

  #kept(
    record: CloseRecord,
    { parts, found, cut }: { parts: number; found: Readonly<Record<string, number>> | null; cut: boolean },
  ): CloseRecord {
    const kept: CloseRecord = { ...record, parts, truncated: record.truncated || cut }
    if (found !== null) kept.redacted = found
    if (record.attempts.some(({ detail }) => detail !== null)) {
      kept.attempts = record.attempts.map((attempt) => ({
        ...attempt,
        detail: this.#redactText(attempt.detail),
      }))
    }
    return kept
  }

  /** What an upstream said about an error may repeat what it was sent. */
  #redactText(text: string | null): string | null {
    if (text === null) return null
    const { body, found } = this.#redactor.redact(Buffer.from(text))
    return found === null ? text : body.toString('utf8')
  }
}

function sealed(dataKey: DataKey | null, id: string, slot: BodySlot, body: Buffer): Buffer {
  const bounded = body.length > MAX_PLAIN_BYTES ? body.subarray(0, MAX_PLAIN_BYTES) : body
  return dataKey === null ? bounded : sealBody(dataKey.key, id, slot, bounded)
}
