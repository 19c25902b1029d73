/**
 * The port of a provider's batch API: many chat requests at once, answered within a day. Like every provider it never retries and
 * sees no database; every call rejects with UpstreamError.
 */

import type { UpstreamError } from '../errors.ts'
import type { JsonObject } from '../lib/json.ts'

/** A request of a batch: its id there, and the body as a single call would send it. */
export type BatchLine = { id: string; body: Buffer }

/**
 * How far a batch is, in what it says of requests without a result. `ended`: each has one. `cut`: it was stopped before it got to
 * them. `refused`: nothing of it was asked, and `errors` say why. `failed`: they may have been asked, and paid for, all the same.
 */
type BatchPhase = 'under-way' | 'ended' | 'cut' | 'refused' | 'failed'

export type UpstreamBatch = {
  id: string
  phase: BatchPhase
  /** The upstream's own word for it. */
  status: string
  /** Null where it does not count. */
  counts: { completed: number; failed: number } | null
  /** What `results` takes, one after the other. */
  results: readonly string[]
  /** Why it was refused or failed; `line` from 1, null for what is wrong with all of it. At most a thousand. */
  errors: readonly { line: number | null; code: string; message: string }[]
}

/** How one request of a batch ended. `untouched`: the batch did not get to it, and nobody is paid for it. */
export type BatchResult = {
  id: string
  end:
    | { kind: 'answered'; body: Buffer; requestId: string | null }
    | { kind: 'failed'; error: UpstreamError }
    | { kind: 'untouched'; code: string }
}

export type BatchOrder = {
  /** Tells the batch from every other one. */
  name: string
  /** For people, where the upstream shows it; it tells the batch from every other one, too. */
  metadata: Readonly<Record<string, string>>
  /** The upstream's id of the model. */
  model: string
  requests: number
}

export type WantedBatch = BatchOrder & {
  /** The file that it was made of, where there is one. */
  fileId: string | null
  /** When it was made at the earliest, and at the latest; milliseconds since the epoch. */
  sinceMs: number
  untilMs: number
  /** Whether one of these ids is that of a request of the order. */
  isOurs(requestIds: readonly string[]): Promise<boolean>
  /** Of these batches, those that are known to be another order's. */
  others(batchIds: readonly string[]): Promise<ReadonlySet<string>>
}

/** `unclear`: one of these may be it, and none says so before it has ended. */
export type FoundBatch =
  | { kind: 'found'; batch: UpstreamBatch }
  | { kind: 'none' }
  | { kind: 'unclear'; ids: readonly string[] }

type ResultLimits = { maxBytes: number; maxLineBytes: number }

/** Its requests go up as a file first, or all together in the order itself. */
export type Batches = (
  | {
      readonly takes: 'file'
      /** Resolves with the file's id. */
      upload(file: { name: string; parts: readonly Buffer[] }, signal: AbortSignal): Promise<string>
      create(order: BatchOrder & { fileId: string }, signal: AbortSignal): Promise<UpstreamBatch>
    }
  | {
      readonly takes: 'body'
      create(order: BatchOrder & { parts: readonly Buffer[] }, signal: AbortSignal): Promise<UpstreamBatch>
    }
) & {
  readonly maxRequests: number
  /** So long after a submission began the upstream lists what it made of it, at the latest. */
  readonly listedMs: number
  /** The bytes of the file or of the order, in pieces. */
  encode(lines: readonly BatchLine[]): Buffer[]
  /** How many tokens a request lets its answers have together; null when it does not say. `body` is what goes out. */
  outputLimit(body: JsonObject): number | null
  find(wanted: WantedBatch, signal: AbortSignal): Promise<FoundBatch>
  read(id: string, signal: AbortSignal): Promise<UpstreamBatch>
  cancel(id: string, signal: AbortSignal): Promise<void>
  /**
   * Results as chat answers, read as fast as they are taken; `strange` for a line that is none, `long` for one beyond `maxLineBytes`.
   * Throws UpstreamError upstream_too_large beyond `maxBytes`.
   */
  results(
    what: { name: string; model: string },
    limits: ResultLimits,
    signal: AbortSignal,
  ): AsyncIterable<BatchResult | 'strange' | 'long'>
}
