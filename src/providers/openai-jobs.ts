/**
 * What lasts for hours at an upstream of the `openai` dialect, batches and trainings: how it is asked, and how one that may have been
 * made is found in the list of all. Knows no kind of job.
 */

import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts'
import { fetchJson } from './fetch-json.ts'
import { malformed } from './malformed.ts'
import { type UploadedFile, uploadFile } from './openai-files.ts'
import type { Timeouts } from './provider.ts'
import type { OutboundRequest, Transport } from './transport.ts'

export type OpenAIJobsUpstream = {
  name: string
  headers: Readonly<Record<string, string>>
  /** Added to every address. */
  query: Readonly<Record<string, string>>
  timeouts: Timeouts
}

type Found = { id: string; createdAtMs: number | null; metadata: Readonly<Record<string, string>> }

export type OpenAIJobs = {
  /** `more` joins the upstream's query. */
  get(path: string, more?: Readonly<Record<string, string>>): OutboundRequest
  post(path: string, body: JsonObject): OutboundRequest
  /** Resolves with the file's id. Throws UpstreamError. */
  upload(file: UploadedFile, signal: AbortSignal): Promise<string>
  /**
   * The newest of the list at `path` that was made of this file or has all of this metadata, null when there is none since `sinceMs`.
   * Throws UpstreamError, also for a list that does not end.
   */
  find<Job extends Found>(
    path: string,
    wanted: { fileId: string; metadata: Readonly<Record<string, string>>; sinceMs: number },
    as: { read: (value: JsonValue) => Job; fileOf: (job: Job) => string | null },
    signal: AbortSignal,
  ): Promise<Job | null>
}

/** Of a list, and how many pages are looked through for one. */
const PAGE = 100
const MAX_PAGES = 20
/** A clock of an upstream may be off by so much. */
const SKEW_MS = 10 * 60_000

export function openAIJobs(upstream: OpenAIJobsUpstream, transport: Transport): OpenAIJobs {
  const { name, headers, timeouts } = upstream
  const address = (path: string, more: Readonly<Record<string, string>> = {}) => {
    const search = new URLSearchParams({ ...upstream.query, ...more }).toString()
    return search === '' ? path : `${path}?${search}`
  }
  const get = (path: string, more?: Readonly<Record<string, string>>): OutboundRequest => ({
    method: 'GET',
    path: address(path, more),
    headers: { ...headers },
    body: null,
    timeouts,
  })
  return {
    get,
    post: (path, body) => ({ ...get(path), method: 'POST', body: Buffer.from(JSON.stringify(body)) }),
    upload: (file, signal) =>
      uploadFile(transport, { headers, timeouts, path: address('/files') }, file, signal),
    async find(path, { fileId, metadata, sinceMs }, { read, fileOf }, signal) {
      const wanted = Object.entries(metadata)
      let after: string | null = null
      for (let page = 0; page < MAX_PAGES; page += 1) {
        const request = get(path, { limit: String(PAGE), ...(after !== null && { after }) })
        const list = await fetchJson(transport, request, signal)
        if (!isJsonObject(list) || !Array.isArray(list.data)) throw malformed(name, `no list at ${path}`)
        const jobs = list.data.map(read)
        const found = jobs.find(
          (job) => fileOf(job) === fileId || wanted.every(([key, value]) => job.metadata[key] === value),
        )
        if (found !== undefined) return found
        const last = jobs.at(-1)
        const isPast = (last?.createdAtMs ?? Number.POSITIVE_INFINITY) < sinceMs - SKEW_MS
        if (last === undefined || list.has_more !== true || isPast) return null
        after = last.id
      }
      throw malformed(name, `more than ${MAX_PAGES * PAGE} at ${path} since this one would have been made`)
    },
  }
}
