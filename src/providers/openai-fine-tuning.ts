/**
 * OpenAI's fine-tuning API: https://platform.openai.com/docs/api-reference/fine-tuning. Also spoken by servers that are
 * compatible.
 */

import { UpstreamError } from '../errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts'
import { fetchJson } from './fetch-json.ts'
import type { FineTuning, TuningOrder, UpstreamTuning } from './fine-tuning.ts'
import { uploadFile } from './openai-files.ts'
import type { Timeouts } from './provider.ts'
import type { OutboundRequest, Transport } from './transport.ts'

export type OpenAIFineTuningUpstream = {
  name: string
  headers: Readonly<Record<string, string>>
  /** Added to every address. */
  query: Readonly<Record<string, string>>
  timeouts: Timeouts
}

const JOBS = '/fine_tuning/jobs'
/** Of a list of jobs, and how many pages are looked through for one. */
const PAGE = 100
const MAX_PAGES = 20
/** A clock of an upstream may be off by so much. */
const SKEW_MS = 10 * 60_000
const MAX_MESSAGE_LETTERS = 400
const MAX_HYPERPARAMETERS = 20

export function createOpenAIFineTuning(upstream: OpenAIFineTuningUpstream, transport: Transport): FineTuning {
  const { name, headers, timeouts } = upstream
  const address = (path: string, more: Readonly<Record<string, string>> = {}) => {
    const search = new URLSearchParams({ ...upstream.query, ...more }).toString()
    return search === '' ? path : `${path}?${search}`
  }
  const get = (path: string): OutboundRequest => ({
    method: 'GET',
    path,
    headers: { ...headers },
    body: null,
    timeouts,
  })
  const post = (path: string, body: JsonObject): OutboundRequest => ({
    ...get(path),
    method: 'POST',
    body: Buffer.from(JSON.stringify(body)),
  })
  const jobPath = (id: string, what = '') => `${JOBS}/${encodeURIComponent(id)}${what}`
  const one = async (request: OutboundRequest, signal: AbortSignal) =>
    readJob(name, await fetchJson(transport, request, signal))
  return {
    upload: (file, signal) =>
      uploadFile(
        transport,
        { headers, timeouts, path: address('/files') },
        { ...file, purpose: 'fine-tune' },
        signal,
      ),
    create: (order, signal) => one(post(address(JOBS), orderBody(order)), signal),
    async find({ metadata, trainingFile, sinceMs }, signal) {
      const wanted = Object.entries(metadata)
      const isIt = (job: UpstreamTuning) =>
        job.trainingFile === trainingFile || wanted.every(([key, value]) => job.metadata[key] === value)
      let after: string | null = null
      for (let page = 0; page < MAX_PAGES; page += 1) {
        const path = address(JOBS, { limit: String(PAGE), ...(after !== null && { after }) })
        const list = await fetchJson(transport, get(path), signal)
        if (!isJsonObject(list) || !Array.isArray(list.data)) throw malformed(name, 'no list of jobs')
        const jobs = list.data.map((job) => readJob(name, job))
        const found = jobs.find(isIt)
        if (found !== undefined) return found
        const last = jobs.at(-1)
        const isPast = (last?.createdAtMs ?? Number.POSITIVE_INFINITY) < sinceMs - SKEW_MS
        if (last === undefined || list.has_more !== true || isPast) return null
        after = last.id
      }
      throw malformed(name, `more than ${MAX_PAGES * PAGE} jobs since this one would have been made`)
    },
    read: (id, signal) => one(get(address(jobPath(id))), signal),
    async lastEvent(id, signal) {
      const list = await fetchJson(transport, get(address(jobPath(id, '/events'), { limit: '1' })), signal)
      const newest = isJsonObject(list) && Array.isArray(list.data) ? list.data[0] : null
      if (!isJsonObject(newest)) return null
      return textOf(newest.message)?.slice(0, MAX_MESSAGE_LETTERS) ?? null
    },
    cancel: (id, signal) => one(post(address(jobPath(id, '/cancel')), {}), signal),
  }
}

function orderBody(order: TuningOrder): JsonObject {
  const { model, trainingFile, validationFile, method, epochs, suffix, seed, metadata } = order
  const settings = epochs === null ? {} : { [method]: { hyperparameters: { n_epochs: epochs } } }
  return {
    model,
    training_file: trainingFile,
    ...(validationFile !== null && { validation_file: validationFile }),
    ...(suffix !== null && { suffix }),
    ...(seed !== null && { seed }),
    method: { type: method, ...settings },
    metadata: { ...metadata },
  }
}

function readJob(upstream: string, job: JsonValue): UpstreamTuning {
  if (!isJsonObject(job) || typeof job.id !== 'string' || typeof job.status !== 'string') {
    throw malformed(upstream, 'no fine-tuning job')
  }
  const { metadata, trained_tokens: tokens } = job
  return {
    id: job.id,
    status: job.status,
    tunedModel: textOf(job.fine_tuned_model),
    trainedTokens: Number.isSafeInteger(tokens) && (tokens as number) >= 0 ? (tokens as number) : null,
    error: errorOf(job.error),
    hyperparameters: hyperparametersOf(job),
    trainingFile: textOf(job.training_file),
    metadata: isJsonObject(metadata)
      ? Object.fromEntries(
          Object.entries(metadata).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
        )
      : {},
    createdAtMs: instantOf(job.created_at),
    estimatedFinishMs: instantOf(job.estimated_finish),
  }
}

/** An object without words is what jobs have that did not fail. */
function errorOf(error: JsonValue | undefined): UpstreamTuning['error'] {
  if (!isJsonObject(error)) return null
  const message = textOf(error.message)
  if (message === null) return null
  return {
    code: (textOf(error.code) ?? 'unknown').slice(0, 100),
    message: message.slice(0, MAX_MESSAGE_LETTERS),
  }
}

/** They stand with the method; servers of the older form have them on the job. */
function hyperparametersOf({ method, hyperparameters }: JsonObject): Record<string, string | number> {
  const type = isJsonObject(method) ? textOf(method.type) : null
  const settings = isJsonObject(method) && type !== null ? method[type] : null
  const given = isJsonObject(settings) ? settings.hyperparameters : hyperparameters
  if (!isJsonObject(given)) return {}
  const plain = Object.entries(given).filter(
    (entry): entry is [string, string | number] =>
      typeof entry[1] === 'number' || (typeof entry[1] === 'string' && entry[1].length <= 100),
  )
  return Object.fromEntries(
    plain.slice(0, MAX_HYPERPARAMETERS).map(([key, value]) => [key.slice(0, 100), value]),
  )
}

function textOf(value: JsonValue | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

function instantOf(seconds: JsonValue | undefined): number | null {
  return typeof seconds === 'number' && seconds > 0 && seconds < 1e11 ? Math.round(seconds * 1000) : null
}

function malformed(upstream: string, what: string): UpstreamError {
  return new UpstreamError('upstream_malformed', `Upstream "${upstream}" sent ${what}.`, { retryable: true })
}
