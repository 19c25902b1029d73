/**
 * OpenAI's Batch API: https://platform.openai.com/docs/api-reference/batch. A file of requests goes up, a batch is made of it, and
 * two files come back: answers, and requests without one. Also spoken by Azure and servers that are compatible.
 */

import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts'
import { scanTopLevel } from '../lib/json-scan.ts'
import type { Batches, BatchResult, UpstreamBatch } from './batches.ts'
import { fetchJson } from './fetch-json.ts'
import { malformed, type OpenAIJobsUpstream, openAIJobs } from './openai-jobs.ts'
import { readBytes } from './read-bytes.ts'
import type { OutboundRequest, Transport } from './transport.ts'

const BATCHES = '/batches'
const ENDPOINT = '/v1/chat/completions'
const MAX_REQUESTS = 50_000
const DOWNLOAD_MS = 60 * 60_000
const MAX_ERRORS = 1_000
const MAX_MESSAGE_LETTERS = 1_000
/** Of one line of results; deeper ones are none. */
const MAX_DEPTH = 1_000

export function createOpenAIBatches(upstream: OpenAIJobsUpstream, transport: Transport): Batches {
  const { name, timeouts } = upstream
  const jobs = openAIJobs(upstream, transport)
  const batchPath = (id: string, what = '') => `${BATCHES}/${encodeURIComponent(id)}${what}`
  const one = async (request: OutboundRequest, signal: AbortSignal) =>
    readBatch(name, await fetchJson(transport, request, signal))
  return {
    maxRequests: MAX_REQUESTS,
    encode: ({ id, body }) =>
      Buffer.concat([
        Buffer.from(`{"custom_id":${JSON.stringify(id)},"method":"POST","url":"${ENDPOINT}","body":`),
        body,
        Buffer.from('}\n'),
      ]),
    decode: readResult,
    upload: (file, signal) => jobs.upload({ ...file, purpose: 'batch' }, signal),
    create: ({ fileId, metadata }, signal) =>
      one(
        jobs.post(BATCHES, {
          input_file_id: fileId,
          endpoint: ENDPOINT,
          completion_window: '24h',
          metadata: { ...metadata },
        }),
        signal,
      ),
    find: (wanted, signal) =>
      jobs.find(
        BATCHES,
        wanted,
        { read: (batch) => readBatch(name, batch), fileOf: (batch) => batch.inputFileId },
        signal,
      ),
    read: (id, signal) => one(jobs.get(batchPath(id)), signal),
    cancel: (id, signal) => one(jobs.post(batchPath(id, '/cancel'), {}), signal),
    content: (fileId, maxBytes, signal) => {
      const request = jobs.get(`/files/${encodeURIComponent(fileId)}/content`)
      return readBytes(
        transport,
        { ...request, timeouts: { ...timeouts, totalMs: DOWNLOAD_MS }, maxBytes },
        signal,
      )
    },
  }
}

function readBatch(upstream: string, batch: JsonValue): UpstreamBatch {
  if (!isJsonObject(batch) || typeof batch.id !== 'string' || typeof batch.status !== 'string') {
    throw malformed(upstream, 'no batch')
  }
  const { request_counts: counts, created_at: created, metadata } = batch
  return {
    id: batch.id,
    status: batch.status,
    inputFileId: textOf(batch.input_file_id),
    outputFileId: textOf(batch.output_file_id),
    errorFileId: textOf(batch.error_file_id),
    counts: isJsonObject(counts)
      ? { completed: countOf(counts.completed), failed: countOf(counts.failed) }
      : null,
    errors: errorsOf(batch.errors),
    metadata: isJsonObject(metadata)
      ? Object.fromEntries(
          Object.entries(metadata).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
        )
      : {},
    createdAtMs: typeof created === 'number' ? created * 1000 : null,
  }
}

function errorsOf(errors: JsonValue | undefined): UpstreamBatch['errors'] {
  const list = isJsonObject(errors) && Array.isArray(errors.data) ? errors.data : []
  return list
    .filter(isJsonObject)
    .slice(0, MAX_ERRORS)
    .map(({ line, code, message }) => ({
      line: Number.isSafeInteger(line) ? (line as number) : null,
      ...wordsOf(code, message),
    }))
}

/** The body is taken as it stands: no number of it is read and written again. */
function readResult(line: Buffer): BatchResult | null {
  let parsed: unknown
  try {
    parsed = JSON.parse(line.toString('utf8'))
  } catch {
    // Converted into "no result": the caller counts such lines.
    return null
  }
  if (!isJsonObject(parsed) || typeof parsed.custom_id !== 'string') return null
  const { response, error } = parsed
  return {
    id: parsed.custom_id,
    response: isJsonObject(response) ? readResponse(line, response) : null,
    error: isJsonObject(error) ? wordsOf(error.code, error.message) : null,
  }
}

function readResponse(line: Buffer, response: JsonObject): BatchResult['response'] {
  const { status_code: status, request_id: requestId } = response
  if (!Number.isSafeInteger(status)) return null
  const outer = member(line, 'response')
  const body = outer === null ? null : member(outer, 'body')
  return { status: status as number, body: body ?? Buffer.alloc(0), requestId: textOf(requestId) }
}

function member(json: Buffer, name: string): Buffer | null {
  const found = scanTopLevel(json, MAX_DEPTH).entries.findLast(({ key }) => key === name)
  return found === undefined ? null : json.subarray(found.start, found.end)
}

function wordsOf(code: JsonValue | undefined, message: JsonValue | undefined) {
  return {
    code: (textOf(code) ?? 'unknown').slice(0, 100),
    message: (textOf(message) ?? 'It did not say why.').slice(0, MAX_MESSAGE_LETTERS),
  }
}

function textOf(value: JsonValue | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

function countOf(value: JsonValue | undefined): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0
}
