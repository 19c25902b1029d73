/** What results of batches have in common, whatever the dialect: lines of JSON, answers translated like a single call's, failures. */

import { UpstreamError } from '../errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts'
import type { BatchResult } from './batches.ts'
import { readBytes } from './read-bytes.ts'
import { resultLines } from './result-lines.ts'
import type { Translation } from './translation.ts'
import type { OutboundRequest, Transport } from './transport.ts'
import { asUpstreamError } from './whole-answer.ts'

const MAX_MESSAGE_LETTERS = 1_000
const DOWNLOAD_MS = 60 * 60_000

/** A result, or null for JSON that is none. */
export type ReadResult = (parsed: JsonObject, line: Buffer) => BatchResult | null

/** The answer to `request`, line by line. Throws UpstreamError. */
export async function* readResults(
  transport: Transport,
  request: OutboundRequest,
  { maxBytes, maxLineBytes }: { maxBytes: number; maxLineBytes: number },
  read: ReadResult,
  signal: AbortSignal,
): AsyncGenerator<BatchResult | 'strange' | 'long'> {
  const timeouts = { ...request.timeouts, totalMs: DOWNLOAD_MS }
  const bytes = readBytes(transport, { ...request, timeouts, maxBytes }, signal)
  for await (const line of resultLines(bytes, maxLineBytes)) {
    yield line === null ? 'long' : (parsedLine(line, read) ?? 'strange')
  }
}

function parsedLine(line: Buffer, read: ReadResult): BatchResult | null {
  let parsed: unknown
  try {
    parsed = JSON.parse(line.toString('utf8'))
  } catch {
    // Converted into "no result": whoever reads counts such lines.
    return null
  }
  return isJsonObject(parsed) ? read(parsed, line) : null
}

/** The answer of a dialect to one request, as a single call would have been given it. */
export type TranslateResult = (id: string, model: string, body: JsonObject) => BatchResult['end']

export function translateResults(
  upstream: string,
  translation: Translation,
  nowMs: () => number,
): TranslateResult {
  return (id, model, body) => {
    const created = Math.floor(nowMs() / 1000)
    try {
      const info = { id: `chatcmpl-${id}`, created, model, includeUsage: false }
      const answer = translation.response('chat', body, info)
      return { kind: 'answered', body: Buffer.from(JSON.stringify(answer)), requestId: null }
    } catch (error) {
      return { kind: 'failed', error: asUpstreamError(upstream, error) }
    }
  }
}

/** A request that the upstream did not answer, in our words; its own go to the log. `like` says what kind of failure it was. */
export function notAnswered(
  upstream: string,
  { code, message }: { code: string; message: string },
  like?: UpstreamError,
): UpstreamError {
  const shown = /^[A-Za-z][\w.-]{0,63}$/.test(code) ? code : 'unknown'
  return new UpstreamError(
    like?.code ?? 'upstream_refused',
    `Upstream "${upstream}" did not answer this request of its batch (code ${shown}). Its own words are in the request log.`,
    {
      retryable: false,
      detail: message,
      ...(like?.upstreamStatus !== undefined &&
        like.upstreamStatus !== null && { upstreamStatus: like.upstreamStatus }),
    },
  )
}

/** An upstream's code and words, bounded. */
export function wordsOf(code: JsonValue | undefined, message: JsonValue | undefined) {
  return {
    code: (asText(code) ?? 'unknown').slice(0, 100),
    message: (asText(message) ?? 'It did not say why.').slice(0, MAX_MESSAGE_LETTERS),
  }
}

/** Null for what is no text, or an empty one. */
export function asText(value: JsonValue | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

/** A whole count, also as the text that JSON of protobuf makes of a large one; null for anything else. */
export function asCount(value: JsonValue | undefined): number | null {
  const count = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : null
}

/** A limit that is in force; null for what is none. */
export function asLimit(value: JsonValue | undefined): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : null
}
