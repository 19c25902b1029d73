/** Finds what to send again: pages the log, opens each body once, counts what is left out and why. Sends nothing. */

import type { Client } from '../client.ts'
import type { Page } from '../list.ts'
import { answerText } from './answer.ts'
import {
  bodyOf,
  isOperation,
  type LoggedDetail,
  type LoggedRequest,
  type Operation,
  type SkipReason,
  skipRow,
} from './logged.ts'

export type Candidate = {
  logged: LoggedRequest
  operation: Operation
  bytes: Buffer
  /** Where the value of `model` stands in the bytes. */
  model: { start: number; end: number }
  /** What was answered; null where the log does not hold it whole. */
  answer: string | null
}

export type Gathered = {
  candidates: Candidate[]
  skipped: Map<SkipReason, number>
  /** Why older matches were not looked at; null when all were, or as many as were wanted are found. */
  endedBy: 'memory' | 'rows' | 'stop' | null
}

type Wanted = {
  /** Filters of GET /api/requests. */
  query: Readonly<Record<string, string | undefined>>
  limit: number
  purpose: string
}

const PAGE_ROWS = 200
/** Bodies opened at once: each read is one record and one query. */
const READS_AT_ONCE = 4
/** Bodies wait in memory until they are sent, so that each is read, and recorded as read, once. */
const MAX_HELD_BYTES = 256 * 1024 ** 2
/** Rows looked at, so that a filter that matches nothing usable ends. */
const MAX_ROWS = 20_000

/** Newest first. Throws CliError when the log cannot be read. */
export async function gather(client: Client, wanted: Wanted, stop: AbortSignal): Promise<Gathered> {
  const { query, limit, purpose } = wanted
  const found: Gathered = { candidates: [], skipped: new Map(), endedBy: null }
  let cursor: string | null = null
  let rows = 0
  do {
    const page: Page<LoggedRequest> = await client.json<Page<LoggedRequest>>({
      method: 'GET',
      path: '/api/requests',
      query: { ...query, purpose, limit: String(Math.min(PAGE_ROWS, limit)), cursor: cursor ?? undefined },
    })
    const fit = page.data.filter((row) => {
      const reason = skipRow(row, query.replay_of !== undefined)
      if (reason !== null) skip(found, reason)
      return reason === null
    })
    await openAll(client, found, fit, wanted, stop)
    rows += page.data.length
    cursor = page.next_cursor
    if (stop.aborted) found.endedBy = 'stop'
    if (rows >= MAX_ROWS && cursor !== null) found.endedBy ??= 'rows'
  } while (cursor !== null && found.endedBy === null && found.candidates.length < limit)
  return found
}

/** Opens bodies until as many are found as are wanted. */
async function openAll(
  client: Client,
  found: Gathered,
  rows: readonly LoggedRequest[],
  { limit, purpose }: Wanted,
  stop: AbortSignal,
): Promise<void> {
  let at = 0
  while (at < rows.length && found.candidates.length < limit) {
    if (stop.aborted) found.endedBy = 'stop'
    else if (heldBytes(found) > MAX_HELD_BYTES) found.endedBy = 'memory'
    if (found.endedBy !== null) return
    const next = rows.slice(at, at + Math.min(READS_AT_ONCE, limit - found.candidates.length))
    at += next.length
    for (const one of await Promise.all(next.map((row) => openCandidate(client, row, purpose)))) {
      if (typeof one === 'string') skip(found, one)
      else found.candidates.push(one)
    }
  }
}

function skip({ skipped }: Gathered, reason: SkipReason): void {
  skipped.set(reason, (skipped.get(reason) ?? 0) + 1)
}

function heldBytes({ candidates }: Gathered): number {
  return candidates.reduce((sum, { bytes, answer }) => sum + bytes.length + (answer?.length ?? 0), 0)
}

async function openCandidate(
  client: Client,
  row: LoggedRequest,
  purpose: string,
): Promise<Candidate | SkipReason> {
  const detail = await client.json<LoggedDetail>({
    method: 'GET',
    path: `/api/requests/${encodeURIComponent(row.id)}`,
    query: { purpose },
  })
  const body = bodyOf(detail)
  if (typeof body === 'string') return body
  const { operation } = row
  if (!isOperation(operation)) return 'unsupported_operation'
  return { logged: row, operation, ...body, answer: keptAnswer(operation, detail) }
}

/** An answer that was changed or cut before it was kept equals no other. */
function keptAnswer(operation: Operation, detail: LoggedDetail): string | null {
  const { response_body: body, response_body_encoding: encoding, response_redacted: redacted } = detail
  if (detail.outcome !== 'completed' || detail.truncated || redacted !== null) return null
  return body === null || encoding !== 'utf8' ? null : answerText(operation, body)
}
