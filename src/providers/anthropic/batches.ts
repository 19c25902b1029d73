/**
 * Anthropic's Message Batches: https://platform.claude.com/docs/en/api/creating-message-batches. One body holds all requests, and the
 * batch itself gives the results once it has ended. What its requests are called is only seen there: see `find-batch.ts`.
 */

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
import type { Batches, BatchLine } from '../batches.ts'
import { objectOf } from '../chat/upstream-json.ts'
import { fetchJson } from '../fetch-json.ts'
import { forLargeBody, LARGE_BODY_MS } from '../large-body.ts'
import { malformed } from '../malformed.ts'
import type { Timeouts } from '../provider.ts'
import type { OutboundRequest, Transport } from '../transport.ts'
import { toUpstreamError } from './errors.ts'
import { findBatch, type ListedBatch } from './find-batch.ts'

const BATCHES = '/v1/messages/batches'
const MAX_REQUESTS = 100_000
/** The call that may have made one is over by then, and what it made is listed. */
const LISTED_MS = LARGE_BODY_MS + 5 * 60_000

type Speaks = {
  name: string
  headers: Readonly<Record<string, string>>
  timeouts: Timeouts
  transport: Transport
  translate: TranslateResult
}

export function createAnthropicBatches(speaks: Speaks): Batches {
  const { name, headers, timeouts, transport, translate } = speaks
  const get = (path: string): OutboundRequest => ({
    method: 'GET',
    path: BATCHES + path,
    headers: { ...headers },
    body: null,
    timeouts,
  })
  const batchPath = (id: string, what = '') => `/${encodeURIComponent(id)}${what}`
  const one = async (request: OutboundRequest, signal: AbortSignal) =>
    readBatch(name, await fetchJson(transport, request, signal))
  const results: Batches['results'] = ({ name: id, model }, limits, signal) =>
    readResults(transport, get(batchPath(id, '/results')), limits, resultOf(name, model, translate), signal)
  return {
    takes: 'body',
    maxRequests: MAX_REQUESTS,
    listedMs: LISTED_MS,
    encode,
    outputLimit: ({ max_tokens: most }) => asLimit(most),
    create: ({ parts }, signal) =>
      one(
        { ...get(''), method: 'POST', body: Buffer.concat(parts), timeouts: forLargeBody(timeouts) },
        signal,
      ),
    find: (wanted, signal) =>
      findBatch(
        name,
        {
          page: async (query) => await fetchJson(transport, get(`?${query}`), signal),
          read: (batch) => readBatch(name, batch),
          results: (id, limits) => results({ name: id, model: wanted.model }, limits, signal),
        },
        wanted,
      ),
    read: (id, signal) => one(get(batchPath(id)), signal),
    async cancel(id, signal) {
      await fetchJson(
        transport,
        { ...get(batchPath(id, '/cancel')), method: 'POST', body: Buffer.from('{}') },
        signal,
      )
    },
    results,
  }
}

function encode(lines: readonly BatchLine[]): Buffer[] {
  const requests = lines.flatMap(({ id, body }, at) => [
    Buffer.from(`${at === 0 ? '' : ','}{"custom_id":${JSON.stringify(id)},"params":`),
    body,
    Buffer.from('}'),
  ])
  return [Buffer.from('{"requests":['), ...requests, Buffer.from(']}')]
}

function readBatch(upstream: string, batch: JsonValue): ListedBatch {
  const { id, processing_status: status, request_counts: counts, created_at: created } = objectOf(batch)
  if (typeof id !== 'string' || id === '' || typeof status !== 'string') throw malformed(upstream, 'no batch')
  const createdAtMs = Date.parse(asText(created) ?? '')
  return {
    id,
    phase: status === 'ended' ? 'ended' : 'under-way',
    status,
    counts: isJsonObject(counts)
      ? { completed: asCount(counts.succeeded) ?? 0, failed: asCount(counts.errored) ?? 0 }
      : null,
    results: [id],
    errors: [],
    requests: sumOf(counts),
    createdAtMs: Number.isNaN(createdAtMs) ? null : createdAtMs,
  }
}

function sumOf(counts: JsonValue | undefined): number | null {
  if (!isJsonObject(counts)) return null
  const { processing, succeeded, errored, canceled, expired } = counts
  const each = [processing, succeeded, errored, canceled, expired].map(asCount)
  return each.reduce((sum, count) => (sum === null || count === null ? null : sum + count), 0)
}

function resultOf(upstream: string, model: string, translate: TranslateResult): ReadResult {
  return ({ custom_id: id, result }) => {
    if (typeof id !== 'string') return null
    const { type, message, error } = objectOf(result)
    if (type === 'succeeded' && isJsonObject(message)) return { id, end: translate(id, model, message) }
    if (type === 'canceled' || type === 'expired') return { id, end: { kind: 'untouched', code: type } }
    const failure = toUpstreamError(objectOf(error))
    const said: JsonObject = objectOf(objectOf(error).error)
    return {
      id,
      end: { kind: 'failed', error: notAnswered(upstream, wordsOf(said.type, said.message), failure) },
    }
  }
}
