/**
 * OpenAI's fine-tuning API: https://platform.openai.com/docs/api-reference/fine-tuning. Also spoken by servers that are
 * compatible.
 */

import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts'
import { fetchJson } from './fetch-json.ts'
import type { FineTuning, TuningOrder, UpstreamTuning } from './fine-tuning.ts'
import { malformed } from './malformed.ts'
import { type OpenAIJobsUpstream, openAIJobs } from './openai-jobs.ts'
import type { OutboundRequest, Transport } from './transport.ts'

const JOBS = '/fine_tuning/jobs'
const MAX_MESSAGE_LETTERS = 400
const MAX_HYPERPARAMETERS = 20

export function createOpenAIFineTuning(upstream: OpenAIJobsUpstream, transport: Transport): FineTuning {
  const { name } = upstream
  const jobs = openAIJobs(upstream, transport)
  const jobPath = (id: string, what = '') => `${JOBS}/${encodeURIComponent(id)}${what}`
  const one = async (request: OutboundRequest, signal: AbortSignal) =>
    readJob(name, await fetchJson(transport, request, signal))
  return {
    upload: (file, signal) => jobs.upload({ ...file, purpose: 'fine-tune' }, signal),
    create: (order, signal) => one(jobs.post(JOBS, orderBody(order)), signal),
    find: ({ trainingFile, ...wanted }, signal) =>
      jobs.find(
        JOBS,
        { ...wanted, fileId: trainingFile },
        { read: (job) => readJob(name, job), fileOf: (job) => job.trainingFile },
        signal,
      ),
    read: (id, signal) => one(jobs.get(jobPath(id)), signal),
    async lastEvent(id, signal) {
      const list = await fetchJson(transport, jobs.get(jobPath(id, '/events'), { limit: '1' }), signal)
      const newest = isJsonObject(list) && Array.isArray(list.data) ? list.data[0] : null
      if (!isJsonObject(newest)) return null
      return textOf(newest.message)?.slice(0, MAX_MESSAGE_LETTERS) ?? null
    },
    cancel: (id, signal) => one(jobs.post(jobPath(id, '/cancel'), {}), signal),
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
