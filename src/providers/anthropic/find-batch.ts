/**
 * Finds the batch of a submission whose answer was lost. A batch of Anthropic's carries nothing of ours but the ids of its requests, and
 * shows them with its results. So each batch that was made then, holds as many requests and is not known to be another's may be it,
 * and is told apart by its first results once it has ended; until then nobody can say.
 */

import { UpstreamError } from '../../errors.ts'
import { isJsonObject, type JsonValue } from '../../lib/json.ts'
import type { BatchResult, FoundBatch, UpstreamBatch, WantedBatch } from '../batches.ts'
import { malformed } from '../malformed.ts'

const PAGE = 100
const MAX_PAGES = 20
/** So many batches are told apart in one look. */
const MAX_CANDIDATES = 200
/** A clock of an upstream may be off by so much. */
const SKEW_MS = 10 * 60_000
/** Read of one batch: one line that is garbage does not make it another's. */
const FIRST_RESULTS = 20
const LIMITS = { maxBytes: 64 * 1024 ** 2, maxLineBytes: 8 * 1024 ** 2 }

export type ListedBatch = UpstreamBatch & {
  /** Null where it does not count them. */
  requests: number | null
  /** Milliseconds since the epoch; null where it is not said. */
  createdAtMs: number | null
}

type Reading = {
  page(query: URLSearchParams): Promise<JsonValue>
  read(batch: JsonValue): ListedBatch
  results(id: string, limits: typeof LIMITS): AsyncIterable<BatchResult | 'strange' | 'long'>
}

/** Throws UpstreamError, also for a list that does not end. */
export async function findBatch(
  upstream: string,
  reading: Reading,
  wanted: WantedBatch,
): Promise<FoundBatch> {
  const candidates = await candidatesOf(upstream, reading, wanted)
  const others = await wanted.others(candidates.map(({ id }) => id))
  const open: string[] = []
  for (const batch of candidates) {
    if (others.has(batch.id)) continue
    const ids = batch.phase === 'under-way' ? [] : await firstRequestsOf(reading, batch.id)
    if (ids.length === 0) open.push(batch.id)
    else if (await wanted.isOurs(ids)) return { kind: 'found', batch }
  }
  return open.length === 0 ? { kind: 'none' } : { kind: 'unclear', ids: open }
}

/** Newest first, as they are listed. What a batch does not say of itself is no reason to leave it out. */
async function candidatesOf(
  upstream: string,
  { page, read }: Reading,
  { requests, sinceMs, untilMs }: WantedBatch,
): Promise<ListedBatch[]> {
  const candidates: ListedBatch[] = []
  let after: string | null = null
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    const query = new URLSearchParams({ limit: String(PAGE), ...(after !== null && { after_id: after }) })
    const list = await page(query)
    if (!isJsonObject(list) || !Array.isArray(list.data)) throw malformed(upstream, 'no list of batches')
    const batches = list.data.map(read)
    const isSince = ({ createdAtMs }: ListedBatch) => (createdAtMs ?? sinceMs) >= sinceMs - SKEW_MS
    candidates.push(
      ...batches.filter(
        (batch) =>
          isSince(batch) &&
          (batch.createdAtMs ?? untilMs) <= untilMs + SKEW_MS &&
          (batch.requests ?? requests) === requests,
      ),
    )
    if (candidates.length > MAX_CANDIDATES) break
    const last = batches.at(-1)
    if (last === undefined || list.has_more !== true || !isSince(last)) return candidates
    after = last.id
  }
  throw malformed(
    upstream,
    `more than ${MAX_PAGES * PAGE} batches, or ${MAX_CANDIDATES} of ${requests} requests, since this one would have been made`,
  )
}

/** None where it does not say: its results are gone, or are garbage. */
async function firstRequestsOf({ results }: Reading, id: string): Promise<string[]> {
  const ids: string[] = []
  try {
    for await (const result of results(id, LIMITS)) {
      if (typeof result !== 'string') ids.push(result.id)
      if (ids.length >= FIRST_RESULTS) break
    }
  } catch (error) {
    if (!(error instanceof UpstreamError) || !isGone(error)) throw error
  }
  return ids
}

function isGone({ upstreamStatus, code }: UpstreamError): boolean {
  return upstreamStatus === 404 || upstreamStatus === 410 || code === 'upstream_too_large'
}
