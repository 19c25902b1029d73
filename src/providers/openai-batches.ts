/**
 * OpenAI's Batch API: https://platform.openai.com/docs/api-reference/batch. A file of requests goes up, a batch is made of it, and
 * two files come back: answers, and requests without one. Also spoken by Azure and servers that are compatible.
 */

import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts'
import { scanTopLevel } from '../lib/json-scan.ts'
import {
  asCount,
  asLimit,
  asText,
  notAnswered,
  type ReadResult,
  readResults,
  wordsOf,
} from './batch-results.ts'
import type { Batches, BatchResult, UpstreamBatch } from './batches.ts'
import { fetchJson } from './fetch-json.ts'
import { malformed } from './malformed.ts'
import { type OpenAIJobsUpstream, openAIJobs } from './openai-jobs.ts'
import type { OutboundRequest, Transport } from './transport.ts'
import { errorFromStatus } from './upstream-errors.ts'

const BATCHES = '/batches'
const ENDPOINT = '/v1/chat/completions'
const MAX_REQUESTS = 50_000
const LISTED_MS = 30_000
const MAX_ERRORS = 1_000
/** Of one line of results; deeper ones are none. */
const MAX_DEPTH = 1_000
/** A status that is not named is one under way. */
const PHASES = new Map<string, UpstreamBatch['phase']>([
  ['completed', 'ended'],
  ['expired', 'cut'],
  ['cancelled', 'cut'],
  ['failed', 'refused'],
])
/** A request that a batch did not get to, as its line says it. */
const UNTOUCHED = new Set(['batch_expired', 'batch_cancelled'])

type ListedBatch = UpstreamBatch & {
  inputFileId: string | null
  metadata: Readonly<Record<string, string>>
  createdAtMs: number | null
}

export function createOpenAIBatches(upstream: OpenAIJobsUpstream, transport: Transport): Batches {
  const { name } = upstream
  const jobs = openAIJobs(upstream, transport)
  const batchPath = (id: string, what = '') => `${BATCHES}/${encodeURIComponent(id)}${what}`
  const one = async (request: OutboundRequest, signal: AbortSignal) =>
    readBatch(name, await fetchJson(transport, request, signal))
  return {
    takes: 'file',
    maxRequests: MAX_REQUESTS,
    listedMs: LISTED_MS,
    encode: (lines) =>
      lines.flatMap(({ id, body }) => [
        Buffer.from(`{"custom_id":${JSON.stringify(id)},"method":"POST","url":"${ENDPOINT}","body":`),
        body,
        Buffer.from('}\n'),
      ]),
    outputLimit,
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
    async find({ fileId, metadata, sinceMs }, signal) {
      const batch = await jobs.find(
        BATCHES,
        { fileId: fileId ?? '', metadata, sinceMs },
        { read: (listed) => readBatch(name, listed), fileOf: ({ inputFileId }) => inputFileId },
        signal,
      )
      return batch === null ? { kind: 'none' } : { kind: 'found', batch }
    },
    read: (id, signal) => one(jobs.get(batchPath(id)), signal),
    async cancel(id, signal) {
      await fetchJson(transport, jobs.post(batchPath(id, '/cancel'), {}), signal)
    },
    results: ({ name: fileId }, limits, signal) =>
      readResults(
        transport,
        jobs.get(`/files/${encodeURIComponent(fileId)}/content`),
        limits,
        resultOf(name),
        signal,
      ),
  }
}

function outputLimit({ max_completion_tokens: now, max_tokens: before, n }: JsonObject): number | null {
  const most = asLimit(now) ?? asLimit(before)
  return most === null ? null : most * (asLimit(n) ?? 1)
}

function readBatch(upstream: string, batch: JsonValue): ListedBatch {
  if (!isJsonObject(batch) || typeof batch.id !== 'string' || typeof batch.status !== 'string') {
    throw malformed(upstream, 'no batch')
  }
  const { request_counts: counts, created_at: created, metadata } = batch
  return {
    id: batch.id,
    phase: PHASES.get(batch.status) ?? 'under-way',
    status: batch.status,
    inputFileId: asText(batch.input_file_id),
    results: [asText(batch.output_file_id), asText(batch.error_file_id)].filter((file) => file !== null),
    counts: isJsonObject(counts)
      ? { completed: asCount(counts.completed) ?? 0, failed: asCount(counts.failed) ?? 0 }
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

function resultOf(upstream: string): ReadResult {
  return ({ custom_id: id, response, error }, line) => {
    if (typeof id !== 'string') return null
    const answered = isJsonObject(response) ? readResponse(upstream, line, response) : null
    if (answered !== null) return { id, end: answered }
    const words = isJsonObject(error) ? wordsOf(error.code, error.message) : { code: 'unknown', message: '' }
    if (UNTOUCHED.has(words.code)) return { id, end: { kind: 'untouched', code: words.code } }
    return { id, end: { kind: 'failed', error: notAnswered(upstream, words) } }
  }
}

/** The body is taken as it stands: no number of it is read and written again. */
function readResponse(upstream: string, line: Buffer, response: JsonObject): BatchResult['end'] | null {
  const { status_code: status, request_id: id } = response
  if (!Number.isSafeInteger(status)) return null
  const outer = member(line, 'response')
  const body = (outer === null ? null : member(outer, 'body')) ?? Buffer.alloc(0)
  const requestId = asText(id)
  if (status === 200) return { kind: 'answered', body, requestId }
  const said = { headers: {}, detail: body.toString('utf8'), upstreamRequestId: requestId }
  return { kind: 'failed', error: errorFromStatus(upstream, status as number, said) }
}

function member(json: Buffer, name: string): Buffer | null {
  const found = scanTopLevel(json, MAX_DEPTH).entries.findLast(({ key }) => key === name)
  return found === undefined ? null : json.subarray(found.start, found.end)
}
