/**
 * The port every provider implements: one outbound call in OpenAI's wire format, whatever the upstream
 * speaks. A provider sees neither the database nor a key id, and never retries: `gateway/attempt` decides that.
 */

import type { UpstreamError } from '../errors.ts'
import type { JsonObject } from '../lib/json.ts'
import type { Batches } from './batches.ts'
import type { FineTuning } from './fine-tuning.ts'

export type Dialect = 'openai' | 'anthropic' | 'gemini' | 'local'

export const OPERATIONS = ['chat', 'completions', 'embeddings', 'responses', 'moderations', 'rerank'] as const
export type Operation = (typeof OPERATIONS)[number]

/** All in milliseconds. `firstByte` runs until the response head, `idle` between two chunks, `total` over the whole call. */
export type Timeouts = { connectMs: number; firstByteMs: number; idleMs: number; totalMs: number }

export type ProviderCall = {
  operation: Operation
  /** The upstream's own model id. */
  model: string
  /** The request as the client sent it, already parsed once. Treat it as read-only. */
  parsed: JsonObject
  /** The request's bytes with `model` already rewritten to the upstream's id; for providers that pass bytes through. */
  body: Buffer
  stream: boolean
  /** True when the client itself asked for `stream_options.include_usage`. */
  includeUsage: boolean
  requestId: string
  /** The W3C header of that name; none is sent without it. */
  traceparent?: string
  timeouts: Timeouts
  /** Told the exact body that goes out over the network, when it goes; not by a provider that stays in the process. */
  onSend?: (body: Buffer) => void
}

export type ProviderHead = {
  status: number
  contentType: string
  /** Lower-cased, already reduced to what may be shown to a caller (rate limits, retry-after, model version…). */
  headers: Readonly<Record<string, string>>
  upstreamRequestId: string | null
}

/**
 * What a call reports, in order: `onHead` once, `onData` any number of times, then exactly one of `onEnd` or
 * `onError`. `onError` may come at any point. Chunks are OpenAI wire bytes: a JSON body, or SSE text with
 * `data: {…}\n\n` events and a final `data: [DONE]\n\n` that is sent only when the upstream finished properly.
 * A chunk belongs to the receiver. After `abort` nothing is reported.
 */
export type ProviderSink = {
  onHead(head: ProviderHead): void
  onData(chunk: Buffer): void
  onEnd(): void
  onError(error: UpstreamError): void
}

/** A call under way. `pause`/`resume` carry backpressure; `abort` closes the connection at once. */
export type ProviderHandle = { abort(): void; pause(): void; resume(): void }

export type UpstreamModel = { id: string; ownedBy: string; created: number }

export type Provider = {
  readonly dialect: Dialect
  supports(operation: Operation): boolean
  /** Starts the call. Errors of every kind arrive through the sink, never as a throw. */
  call(call: ProviderCall, sink: ProviderSink): ProviderHandle
  /**
   * The bodies in which `call` may go out, pure: one, or two where the upstream decides. Absent where nothing leaves the
   * process. Throws RequestError for what the dialect cannot express.
   */
  encode?(call: ProviderCall): readonly Buffer[]
  /** Chat requests by the thousand, answered within a day. Absent where the dialect has no such thing, or none is spoken here. */
  readonly batches?: Batches
  /** Models trained on files. Absent where the dialect has no such thing, or none is spoken here. */
  readonly fineTuning?: FineTuning
  /** Models this upstream offers; used by `GET /v1/models`, cached by the caller. Throws UpstreamError. */
  listModels(signal: AbortSignal): Promise<readonly UpstreamModel[]>
  /** Closes pooled connections and worker threads. */
  close(): Promise<void>
}
