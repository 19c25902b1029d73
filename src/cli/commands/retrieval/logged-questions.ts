/** The questions of logged requests whose release pins an index: read through the API, each once, and told apart. */

import { askedQuestion } from '../../../lib/asked-question.ts'
import { isJsonObject } from '../../../lib/json.ts'
import type { Client } from '../../client.ts'
import type { Page } from '../../list.ts'
import { bodyOf, type LoggedDetail, SKIP_REASONS, type SkipReason } from '../../replay/logged.ts'

type LoggedSearch = LoggedDetail & {
  release_id: string | null
  retrieval: { contexts: { chunk: number; document: string; score: number; cosine: number | null }[] } | null
}
type Release = { id: string; content: string }

export type LoggedQuestion = {
  /** Of the newest request with this question. */
  requestId: string
  startedAt: string
  index: string
  text: string
  /** Requests with this question that were looked at. */
  asked: number
  retrieved: { chunk: number; document: string; score: number; cosine: number | null }[]
}
export type LoggedQuestions = {
  questions: LoggedQuestion[]
  /** Requests whose body was read. */
  read: number
  skipped: Map<string, number>
  /** False when older requests were not looked at. */
  isWhole: boolean
}
type Wanted = {
  /** Of the index, or of one version: handbook@5. */
  index: string
  since: string
  until: string | undefined
  /** Different questions. */
  limit: number
  purpose: string | undefined
  onRead: (questions: number) => void
}

const PAGE_ROWS = 200
/** Each read is a record on the log and a query. */
const READS_AT_ONCE = 4
/** An app that asks the same all day must not have its whole log read. */
const READS_PER_QUESTION = 20
const RELEASE_PAGES = 25
/** More reasons than a replay has. */
const REASONS = {
  ...SKIP_REASONS,
  not_searched: 'ended before its index was searched',
  no_release: 'its release is not found, so nobody knows which text was the question',
  no_question: 'has no question in its body',
} as const
type Reason = keyof typeof REASONS | SkipReason

/** Newest first. Ends early, with what there is, once `stop` aborts. Throws CliError when the log cannot be read. */
export async function readLoggedQuestions(
  client: Client,
  wanted: Wanted,
  stop: AbortSignal,
): Promise<LoggedQuestions> {
  const { index, since, until, limit, purpose } = wanted
  const found = new Map<string, LoggedQuestion>()
  const result: LoggedQuestions = { questions: [], read: 0, skipped: new Map(), isWhole: false }
  const releases = new Releases(client)
  const isEnough = () => found.size >= limit || result.read >= limit * READS_PER_QUESTION || stop.aborted
  let cursor: string | null = null
  do {
    const page: Page<LoggedSearch> = await client.json<Page<LoggedSearch>>({
      method: 'GET',
      path: '/api/requests',
      query: { index, since, until, purpose, limit: String(PAGE_ROWS), cursor: cursor ?? undefined },
    })
    const fit = page.data.filter((row) => {
      if (row.retrieval === null) skip(result, 'not_searched')
      return row.retrieval !== null
    })
    for (let at = 0; at < fit.length && !isEnough(); at += READS_AT_ONCE) {
      const some = fit.slice(at, at + READS_AT_ONCE)
      const read = await Promise.all(some.map((row) => readOne(client, releases, row, purpose)))
      for (const one of read) take(result, found, one, limit)
      wanted.onRead(found.size)
    }
    cursor = page.next_cursor
  } while (cursor !== null && !isEnough())
  return { ...result, questions: [...found.values()], isWhole: cursor === null && !isEnough() }
}

/** What is skipped, as it is told: `3 its body was erased`. */
export function skippedText(skipped: ReadonlyMap<string, number>): string {
  return [...skipped].map(([reason, count]) => `${count} ${reason}`).join('; ')
}

function skip({ skipped }: LoggedQuestions, reason: Reason): void {
  const told = REASONS[reason]
  skipped.set(told, (skipped.get(told) ?? 0) + 1)
}

function take(
  result: LoggedQuestions,
  found: Map<string, LoggedQuestion>,
  one: LoggedQuestion | Reason,
  limit: number,
): void {
  result.read += 1
  if (typeof one === 'string') {
    skip(result, one)
    return
  }
  const key = sameAs(one.text)
  const known = found.get(key)
  if (known !== undefined) known.asked += 1
  else if (found.size < limit) found.set(key, one)
}

/** Case, spacing and compatibility forms make no other question. */
function sameAs(text: string): string {
  return text.normalize('NFKC').toLowerCase().replaceAll(/\s+/g, ' ').trim()
}

async function readOne(
  client: Client,
  releases: Releases,
  row: LoggedSearch,
  purpose: string | undefined,
): Promise<LoggedQuestion | Reason> {
  const variable = await releases.questionOf(row)
  if (variable === undefined) return 'no_release'
  const detail = await client.json<LoggedDetail>({
    method: 'GET',
    path: `/api/requests/${encodeURIComponent(row.id)}`,
    query: { purpose },
  })
  const body = bodyOf(detail)
  if (typeof body === 'string') return body
  const parsed: unknown = JSON.parse(body.bytes.toString('utf8'))
  const text = isJsonObject(parsed) ? askedQuestion(parsed, row.operation, variable) : null
  if (text === null) return 'no_question'
  const { id: requestId, started_at: startedAt, index, retrieval } = row
  return { requestId, startedAt, index: index ?? '', text, asked: 1, retrieved: retrieval?.contexts ?? [] }
}

/** Which variable of a release's prompt is the question; each release is looked up once. */
class Releases {
  readonly #client: Client
  readonly #routes = new Map<string, Promise<Map<string, string | null>>>()

  constructor(client: Client) {
    this.#client = client
  }

  /** Null is the last message of a user; undefined is unknown. */
  async questionOf({ route, release_id: id }: LoggedSearch): Promise<string | null | undefined> {
    if (route === null || id === null) return undefined
    const known = this.#routes.get(route) ?? this.#read(route)
    this.#routes.set(route, known)
    return (await known).get(id)
  }

  async #read(route: string): Promise<Map<string, string | null>> {
    const questions = new Map<string, string | null>()
    let cursor: string | null = null
    for (let pages = 0; pages < RELEASE_PAGES; pages += 1) {
      const page: Page<Release> = await this.#client.json<Page<Release>>({
        method: 'GET',
        path: '/api/releases',
        query: { route, limit: String(PAGE_ROWS), cursor: cursor ?? undefined },
      })
      for (const { id, content } of page.data) {
        const { index } = JSON.parse(content) as { index?: { question: string | null } }
        if (index !== undefined) questions.set(id, index.question)
      }
      cursor = page.next_cursor
      if (cursor === null) break
    }
    return questions
  }
}
