/**
 * The records of the audit spool as the gateway hands them over. OPEN is written before a byte goes
 * upstream, CLOSE before the last byte goes down; a request refused before any upstream is one WHOLE.
 */

import type { Guarantee } from './guarantee.ts'

/** The terminal outcomes (law 2). Every request ends in exactly one. */
export const OUTCOMES = [
  'completed',
  'client_abort',
  'upstream_error',
  'upstream_cut',
  'timeout',
  'rejected',
  'guardrail',
  'gateway_crash',
] as const
export type Outcome = (typeof OUTCOMES)[number]

/** One outbound call, as the log shows it. Times in milliseconds from the start of the request. */
export type AttemptRecord = {
  upstream: string
  model: string
  startedMs: number
  durationMs: number
  /** HTTP status of the upstream, null when it never answered. */
  status: number | null
  /** Our error code, null for the attempt that succeeded. */
  error: string | null
  /** What the upstream said on an error, bounded to 4 KiB. */
  detail: string | null
  upstreamRequestId: string | null
  /** Hex SHA-256 of the body that was sent; null when none left the process. Rows of older versions have none. */
  sentDigest?: string | null
  /** The model version that the release named: `gpt-4o-mini@3`. */
  modelVersion?: string
}

/** Token counts of an answer; null where the upstream said nothing. Unknown is never 0. */
export type UsageRecord = {
  inputTokens: number | null
  outputTokens: number | null
  cachedInputTokens: number | null
  reasoningTokens: number | null
  /** Part of `inputTokens`, told by upstreams that charge for it; without a column, as it only decides what a call cost. */
  cacheWriteTokens?: number
  /** Part of input or output; left out where there were none. The same. */
  audioTokens?: number
}

export type OpenRecord = {
  /** `req_…`, ours; never the upstream's and never the client's. */
  id: string
  /** Wall time of the first byte of the request, milliseconds. */
  startedAtMs: number
  projectId: string | null
  keyId: string | null
  keyName: string | null
  method: string
  path: string
  operation: string
  /** What the client sent as `model`. */
  requestedModel: string | null
  route: string | null
  stream: boolean
  clientRequestId: string | null
  /** Whose data it is: the OpenAI `user` field as the gateway hands it over, its pseudonym as the log keeps it. */
  subject: string | null
  /** The key its bodies are sealed under. Null as the gateway hands it over, and for bodies that are not sealed. */
  dataKey: string | null
  /** How many values of each kind were taken out of the request's body before it was kept. */
  redacted?: Readonly<Record<string, number>>
  /** The request that this one sends again, as its caller says: `req_…`. Nobody has looked whether it exists. */
  replayOf?: string
  /** The app's request that this one mirrors to a candidate release: `req_…`. */
  shadowOf?: string
  /** The release that serves it: `rel_…`; and the prompt version that the release pins: `support-answer@14`. */
  release?: string
  prompt?: string
  /** The index version that the release pins: `handbook@5`. */
  index?: string
}

/** What an index gave for a request. The texts stand in the index, under its version and the chunk's number. */
export type RetrievalRecord = {
  /** In the order of their numbers in the prompt: `[1]` first. */
  contexts: readonly {
    chunk: number
    /** The document's key, and the hash of all of it. */
    document: string
    hash: string
    score: number
    /** Of the chunk's vector to the question's; null when there was none. */
    cosine: number | null
  }[]
  /** What the search went without, because it was late or failed. */
  without: 'vectors' | 'words' | null
  durationMs: number
}

export type CloseRecord = {
  id: string
  outcome: Outcome
  /** HTTP status the client got (or would have got). */
  status: number
  errorCode: string | null
  upstream: string | null
  model: string | null
  attempts: readonly AttemptRecord[]
  usage: UsageRecord | null
  finishReason: string | null
  ttftMs: number | null
  durationMs: number
  requestBytes: number
  responseBytes: number
  /** True when the kept response body is shorter than what was sent. */
  truncated: boolean
  /** PART records before this one, as the log keeps it. */
  parts?: number
  /** How many values of each kind were taken out of the answer's body before it was kept. */
  redacted?: Readonly<Record<string, number>>
  /** How many identical requests this row stands for; more than 1 only for unauthenticated floods. */
  occurrences: number
  /** What it cost and the price that says so; absent is unknown, never 0. */
  costMicroUsd?: number
  price?: string
  /** Of a request whose release has an index, once it was searched. */
  retrieval?: RetrievalRecord
}

/** What people and the system do, on the same chain as requests. */
export type EventKind = 'admin' | 'access' | 'erase' | 'tombstone' | 'key' | 'clock' | 'rotate' | 'missed'

export type EventRecord = {
  /** `evt_…` */
  id: string
  kind: EventKind
  atMs: number
  projectId: string | null
  /** The virtual key that acted; null when the system did. */
  actorId: string | null
  actorName: string | null
  /** What was done: `key.create`, `requests.show`, … */
  action: string
  /** What it was done to: an id, a subject's pseudonym, a partition. */
  target: string | null
  /** Why, in the actor's words. */
  purpose: string | null
  detail: Readonly<Record<string, unknown>>
}

/** What a CLOSE says of everything that only an upstream could have told. */
export const NOTHING_FROM_UPSTREAM = {
  upstream: null,
  model: null,
  attempts: [],
  usage: null,
  finishReason: null,
  ttftMs: null,
} as const satisfies Partial<CloseRecord>

/**
 * The log of requests. Every promise resolves once the record is in the file (write(2) returned), which SIGKILL cannot
 * undo; it rejects with GatewayError('audit_unavailable') when the record could not be written.
 */
export type RequestLog = {
  /** Writes OPEN with the request's bytes. Await it before a byte goes upstream. */
  open(record: OpenRecord, requestBody: Buffer): Promise<void>
  /** Keeps a piece of a long streamed answer, so that a crash keeps the partial text. Never rejects; a failure shows at `close`. */
  part(id: string, bytes: Buffer): void
  /** Writes CLOSE with the rest of the answer's bytes (after the parts). Await it before the last byte goes down. */
  close(record: CloseRecord, responseBody: Buffer): Promise<void>
  /** One record for a request that never went upstream (rejected, served from memory). */
  whole(open: OpenRecord, close: CloseRecord, requestBody: Buffer, responseBody: Buffer): Promise<void>
}

/** The log as the gateway sees it: `guarantee` holds for the whole request, DEFAULT_GUARANTEE without one. */
export type AuditLog = Omit<RequestLog, 'open'> & {
  open(record: OpenRecord, requestBody: Buffer, guarantee?: Guarantee): Promise<void>
}

/** The same log for what people and the system do. */
export type EventLog = {
  /** Await it before the action takes effect or the data is returned; rejects like the records of requests do. */
  event(record: EventRecord): Promise<void>
}
