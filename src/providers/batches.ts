/**
 * The port of a provider's batch API: many requests in one file, answered within a day. Like every provider it never retries and
 * sees no database; every call rejects with UpstreamError.
 */

/** A request of a batch: its id in the file, and the body as a single call would send it. */
type BatchLine = { id: string; body: Buffer }

/** What the upstream says of a batch. A status that is not named here is one under way. */
export type UpstreamBatch = {
  id: string
  status: string
  inputFileId: string | null
  outputFileId: string | null
  errorFileId: string | null
  /** Null where it does not count. */
  counts: { completed: number; failed: number } | null
  /** Why the file was refused; `line` from 1, null for what is wrong with all of it. At most a thousand. */
  errors: readonly { line: number | null; code: string; message: string }[]
  metadata: Readonly<Record<string, string>>
  /** Milliseconds since the epoch; null where it is not said. */
  createdAtMs: number | null
}

/** How one request of a batch ended, as a line of a file says it. */
export type BatchResult = {
  id: string
  /** What a single call would have been answered; null when it was not made. */
  response: { status: number; body: Buffer; requestId: string | null } | null
  /** Why it was not made. */
  error: { code: string; message: string } | null
}

type BatchOrder = { fileId: string; metadata: Readonly<Record<string, string>> }

export type Batches = {
  /** Requests that one file may hold. */
  readonly maxRequests: number
  encode(line: BatchLine): Buffer
  /** Null for a line that is no result. */
  decode(line: Buffer): BatchResult | null
  /** Resolves with the file's id. */
  upload(file: { name: string; parts: readonly Buffer[] }, signal: AbortSignal): Promise<string>
  /** `metadata` holds what tells the batch from every other one. */
  create(order: BatchOrder, signal: AbortSignal): Promise<UpstreamBatch>
  /** The newest batch that was made for this order since then; null when there is none. */
  find(wanted: BatchOrder & { sinceMs: number }, signal: AbortSignal): Promise<UpstreamBatch | null>
  read(id: string, signal: AbortSignal): Promise<UpstreamBatch>
  cancel(id: string, signal: AbortSignal): Promise<UpstreamBatch>
  /** A file's bytes, read as fast as they are taken. Throws UpstreamError upstream_too_large beyond `maxBytes`. */
  content(fileId: string, maxBytes: number, signal: AbortSignal): AsyncIterable<Buffer>
}
