/**
 * The Gemini API's batches: https://ai.google.dev/api/batch-api. A file of requests goes up, an operation is made of it, and a file of
 * results comes back. Requests in the order itself are not spoken: their results would stand in one document that cannot be read
 * line by line, and in every list of batches.
 */

import { UpstreamError } from '../../errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/json.ts'
import {
  asCount,
  asLimit,
  asText,
  notAnswered,
  type ReadResult,
  readResults,
  type TranslateResult,
  wordsOf,
} from '../batch-results.ts'
import type { Batches, FoundBatch, UpstreamBatch, WantedBatch } from '../batches.ts'
import { objectOf } from '../chat/upstream-json.ts'
import { fetchJson } from '../fetch-json.ts'
import { malformed } from '../malformed.ts'
import type { Timeouts } from '../provider.ts'
import type { OutboundRequest, Transport } from '../transport.ts'
import { statusName, toUpstreamError } from './errors.ts'
import { uploadFile } from './files.ts'
import { modelPath } from './models.ts'

/** The API names no limit but that of the file. */
const MAX_REQUESTS = 50_000
const LISTED_MS = 60_000
/** Without a size of pages the list is empty (https://github.com/googleapis/python-genai/issues/1250). */
const PAGE = 100
/** In no order that is documented, so all of it is looked through. */
const MAX_PAGES = 500

type Speaks = {
  name: string
  headers: Readonly<Record<string, string>>
  timeouts: Timeouts
  transport: Transport
  translate: TranslateResult
}
type ListedBatch = UpstreamBatch & { displayName: string | null; inputFile: string | null }

export function createGeminiBatches(speaks: Speaks): Batches {
  const { name, headers, timeouts, transport, translate } = speaks
  const call = (method: 'GET' | 'POST', path: string, body: JsonObject | null = null): OutboundRequest => ({
    method,
    path,
    headers: { ...headers },
    body: body === null ? null : Buffer.from(JSON.stringify(body)),
    timeouts,
  })
  const one = async (request: OutboundRequest, signal: AbortSignal) =>
    readBatch(name, await fetchJson(transport, request, signal))
  return {
    takes: 'file',
    maxRequests: MAX_REQUESTS,
    listedMs: LISTED_MS,
    encode: (lines) =>
      lines.flatMap(({ id, body }) => [
        Buffer.from(`{"key":${JSON.stringify(id)},"request":`),
        body,
        Buffer.from('}\n'),
      ]),
    outputLimit,
    upload: (file, signal) => uploadFile(transport, { headers, timeouts }, file, signal),
    create: (order, signal) =>
      one(
        call('POST', modelPath(order.model, 'batchGenerateContent'), {
          batch: { display_name: order.name, input_config: { file_name: `files/${order.fileId}` } },
        }),
        signal,
      ),
    async find(wanted, signal) {
      let token = ''
      let size = PAGE
      for (let page = 0; page < MAX_PAGES; page += 1) {
        const query = new URLSearchParams({
          pageSize: String(size),
          ...(token !== '' && { pageToken: token }),
        })
        const list = await pageOf(fetchJson(transport, call('GET', `/v1beta/batches?${query}`), signal), size)
        if (list === 'too-large') {
          size = Math.ceil(size / 10)
          continue
        }
        const found = foundIn(name, list, wanted)
        if (found !== null) return found
        token = asText(objectOf(list).nextPageToken) ?? ''
        if (token === '') return { kind: 'none' }
      }
      throw malformed(name, `more than ${MAX_PAGES} pages of batches`)
    },
    read: (id, signal) => one(call('GET', `/v1beta/batches/${encodeURIComponent(id)}`), signal),
    async cancel(id, signal) {
      await fetchJson(transport, call('POST', `/v1beta/batches/${encodeURIComponent(id)}:cancel`, {}), signal)
    },
    results: ({ name: fileId, model }, limits, signal) =>
      readResults(
        transport,
        call('GET', `/download/v1beta/files/${encodeURIComponent(fileId)}:download?alt=media`),
        limits,
        resultOf(name, model, translate),
        signal,
      ),
  }
}

function outputLimit(body: JsonObject): number | null {
  const { maxOutputTokens, candidateCount } = objectOf(body.generationConfig)
  const most = asLimit(maxOutputTokens)
  return most === null ? null : most * (asLimit(candidateCount) ?? 1)
}

/** Others' batches may stand in the list with all their results: then fewer of them are asked for. */
async function pageOf(list: Promise<JsonValue>, size: number): Promise<JsonValue | 'too-large'> {
  try {
    return await list
  } catch (error) {
    if (!(error instanceof UpstreamError) || error.code !== 'upstream_too_large' || size === 1) throw error
    return 'too-large'
  }
}

/** A list that names no operations is an empty one, as JSON of protobuf has it; anything else that is no list is an error. */
function foundIn(upstream: string, list: JsonValue, wanted: WantedBatch): FoundBatch | null {
  const { operations } = isJsonObject(list) ? list : { operations: null }
  if (operations !== undefined && !Array.isArray(operations)) throw malformed(upstream, 'no list of batches')
  const { name: ours, fileId } = wanted
  const found = (operations ?? [])
    .filter((operation) => !isOfAnotherKind(operation))
    .map((operation) => readBatch(upstream, operation))
    .find(({ displayName, inputFile }) => displayName === ours || (fileId !== null && inputFile === fileId))
  return found === undefined ? null : { kind: 'found', batch: found }
}

function isOfAnotherKind(operation: JsonValue): boolean {
  const name = asText(objectOf(operation).name)
  return name !== null && idIn(name, 'batches') === null
}

function readBatch(upstream: string, operation: JsonValue): ListedBatch {
  const { name, metadata, response, error } = objectOf(operation)
  const id = idIn(name, 'batches')
  if (id === null) throw malformed(upstream, 'no batch')
  const { state, batchStats, output, displayName, inputConfig } = objectOf(metadata)
  const file = objectOf(response).responsesFile ?? objectOf(output).responsesFile
  const results = [idIn(file, 'files')].filter((one) => one !== null)
  const counts = countsOf(batchStats)
  const status = asText(state) ?? 'unknown'
  return {
    id,
    phase: phaseOf(status.replace(/^(BATCH|JOB)_STATE_/, ''), results.length > 0, counts),
    status,
    counts,
    results,
    errors: isJsonObject(error) ? [{ line: null, ...wordsOf(statusName(error), error.message) }] : [],
    displayName: asText(displayName),
    inputFile: idIn(objectOf(inputConfig).fileName, 'files'),
  }
}

/** What has no result was not asked where the upstream counts no answer, or gives those that there are. */
function phaseOf(
  state: string,
  hasResults: boolean,
  counts: UpstreamBatch['counts'],
): UpstreamBatch['phase'] {
  const isUnanswered = counts !== null && counts.completed === 0 && counts.failed === 0
  if (state === 'SUCCEEDED') return 'ended'
  if (state === 'FAILED') return isUnanswered && !hasResults ? 'refused' : 'failed'
  if (state === 'CANCELLED' || state === 'EXPIRED') return hasResults || isUnanswered ? 'cut' : 'failed'
  return 'under-way'
}

function countsOf(stats: JsonValue | undefined): UpstreamBatch['counts'] {
  if (!isJsonObject(stats)) return null
  const { successfulRequestCount: completed, failedRequestCount: failed } = stats
  return { completed: asCount(completed) ?? 0, failed: asCount(failed) ?? 0 }
}

function idIn(name: JsonValue | undefined, collection: string): string | null {
  const [of, ...rest] = (asText(name) ?? '').split('/')
  return of === collection ? asText(rest.join('/')) : null
}

function resultOf(upstream: string, model: string, translate: TranslateResult): ReadResult {
  return ({ key, metadata, response, error, status }) => {
    const id = asText(key) ?? asText(objectOf(metadata).key)
    if (id === null) return null
    if (isJsonObject(response)) return { id, end: translate(id, model, response) }
    const said = objectOf(error ?? status)
    const code = statusName(said)
    if (code === 'CANCELLED') return { id, end: { kind: 'untouched', code } }
    const like = toUpstreamError({ error: { ...said, status: code } })
    return { id, end: { kind: 'failed', error: notAnswered(upstream, wordsOf(code, said.message), like) } }
  }
}
