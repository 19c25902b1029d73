/** Opens drawn requests and embeds their questions by the model that ships: no word of them leaves the machine. */

import { findReadable } from '../../audit/privacy/read-bodies.ts'
import { liveSample } from '../../evals/online/live-sample.ts'
import { newId } from '../../lib/ids.ts'
import { type Embedder, embedTexts } from '../../retrieval/embed.ts'
import { traitsOf } from './answer-traits.ts'
import type { CheckDeps } from './check-deps.ts'
import type { CheckRow } from './check-rows.ts'
import type { AnswerTraits, OpenedRequest, SampledRequest } from './sampled-request.ts'

type OpenDeps = Pick<CheckDeps, 'db' | 'clock' | 'keys' | 'readsBodies' | 'log' | 'models' | 'languageOf'>
export type Opening = {
  requests: OpenedRequest[]
  /** Requests that could not be read, by why: the words of online scoring. */
  left: Readonly<Record<string, number>>
  /** Why none was opened; null when they were. */
  closed: string | null
}

/** Requests that one record of a read stands for; it names them all. */
const BATCH = 50
/** What a model makes of a text is its beginning anyway. */
const MAX_QUESTION_CHARS = 8_000
export const UNASKED =
  'Bodies are read when somebody asks: aval monitor data ROUTE --now, or each day with monitoring.read_bodies: true in aval.yaml.'
export const EMBEDDER = { upstream: 'local', model: 'embed' } as const

/** Rejects with the signal's reason, and with what log, database or model say. */
export async function openRequests(
  deps: OpenDeps,
  check: CheckRow,
  drawn: readonly SampledRequest[],
  signal: AbortSignal,
): Promise<Opening> {
  const { keys, readsBodies } = deps
  const closedWith = (closed: string): Opening => ({
    requests: drawn.map((one) => ({ ...one, words: null })),
    left: {},
    closed,
  })
  const reads = check.askedBy !== null || readsBodies()
  if (reads === null)
    return closedWith('aval.yaml has mistakes, so nobody knows whether bodies may be read: aval check.')
  if (!reads) return closedWith(UNASKED)
  if (keys === null) return closedWith("The worker has no audit key. Give it the gateways' AVAL_AUDIT_KEY.")
  const embedder = (await deps.models()).embedderOf(EMBEDDER.upstream, EMBEDDER.model)
  if (embedder === null)
    return closedWith('The upstream "local" is not configured, and its model reads questions here.')
  const left: Record<string, number> = {}
  const requests: OpenedRequest[] = []
  for (let from = 0; from < drawn.length; from += BATCH) {
    signal.throwIfAborted()
    const batch = drawn.slice(from, from + BATCH)
    await recordRead(deps, check, batch)
    requests.push(...(await openBatch({ ...deps, keys, embedder }, check, batch, left, signal)))
  }
  return { requests, left, closed: null }
}

async function recordRead(
  { log, clock }: OpenDeps,
  check: CheckRow,
  batch: readonly SampledRequest[],
): Promise<void> {
  const atMs = clock.nowMs()
  const { projectId, route, askedBy, askedByName } = check
  await (await log()).event({
    id: newId('evt', atMs),
    kind: 'access',
    atMs,
    projectId,
    actorId: askedBy,
    actorName: askedByName,
    action: 'requests.compare',
    target: check.id,
    purpose: 'Compares what a route is asked now with what it was asked before.',
    detail: { route, requests: batch.length, ids: batch.map(({ id }) => id) },
  })
}

async function openBatch(
  deps: OpenDeps & { keys: NonNullable<OpenDeps['keys']>; embedder: Embedder },
  { projectId }: CheckRow,
  batch: readonly SampledRequest[],
  left: Record<string, number>,
  signal: AbortSignal,
): Promise<OpenedRequest[]> {
  const read: (SampledRequest & { question: string | null; answer: AnswerTraits })[] = []
  for (const one of batch) {
    const found = await findReadable(deps.db, deps.keys, { id: one.id, scope: { projectId, unowned: false } })
    const said = found === null ? ({ skip: 'erased' } as const) : liveSample(found, null)
    if ('skip' in said) left[said.skip] = (left[said.skip] ?? 0) + 1
    const question = 'skip' in said ? null : said.sample.input.slice(0, MAX_QUESTION_CHARS)
    read.push({ ...one, question, answer: traitsOf('skip' in said ? '' : said.sample.output) })
  }
  const texts = read.flatMap(({ question }) =>
    question === null || question.trim() === '' ? [] : [question],
  )
  const vectors =
    texts.length === 0
      ? []
      : (await embedTexts(deps.embedder, texts, newId('req', deps.clock.nowMs()), signal)).vectors
  let at = 0
  const opened: OpenedRequest[] = []
  for (const { question, answer, ...one } of read) {
    const isAsked = question !== null && question.trim() !== ''
    const vector = isAsked ? vectors[at++] : undefined
    const words =
      vector === undefined || question === null
        ? null
        : { question, answer, language: await deps.languageOf(question), vector }
    opened.push({ ...one, words })
  }
  return opened
}
