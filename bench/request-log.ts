/** Reads the gateway's log over its own API, as an auditor would. Never touches the database behind it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'

/** Rows reach the database after the answer; a log that needs longer than this has lost them. */
export const SETTLE_LIMIT_MS = 60_000
const PAGE_ROWS = 200
const MAX_PAGES = 20_000

export interface LogAccess {
  url: string
  adminKey: string
}

export interface LogRow {
  id: string
  outcome: string | null
  [column: string]: unknown
}

async function get(log: LogAccess, path: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await request(`${log.url}${path}`, {
    headers: { authorization: `Bearer ${log.adminKey}` },
    headersTimeout: 20_000,
  })
  const text = await response.body.text()
  try {
    return { status: response.statusCode, body: JSON.parse(text) as Record<string, unknown> }
  } catch {
    throw new Error(`GET ${path} answered ${response.statusCode} without JSON: ${text.slice(0, 200)}`)
  }
}

/** Every row of the log, newest first, page by page. */
export async function* listRows(log: LogAccess): AsyncGenerator<LogRow> {
  let cursor: string | null = null
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const from: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const { status, body } = await get(log, `/api/requests?limit=${PAGE_ROWS}${from}`)
    if (status !== 200)
      throw new Error(`GET /api/requests answered ${status}: ${JSON.stringify(body).slice(0, 300)}`)
    yield* body.data as LogRow[]
    cursor = typeof body.next_cursor === 'string' ? body.next_cursor : null
    if (cursor === null) return
  }
  throw new Error(`The log has more than ${MAX_PAGES * PAGE_ROWS} rows.`)
}

/** How many requests the log holds: the count endpoint where there is one, page by page otherwise. */
export async function countRows(log: LogAccess): Promise<number> {
  const counted = await get(log, '/api/requests/count')
  if (counted.status === 200 && typeof counted.body.count === 'number') return counted.body.count
  let rows = 0
  // A flood of like refusals may share one row, which then says how many it stands for.
  for await (const row of listRows(log)) rows += typeof row.occurrences === 'number' ? row.occurrences : 1
  return rows
}

/** Waits until the log holds at least so many rows, or for a minute; returns the last count and the wait. */
export async function waitForRows(
  log: LogAccess,
  wanted: number,
): Promise<{ rows: number; waitedMs: number }> {
  const startedAt = performance.now()
  for (;;) {
    const rows = await countRows(log)
    const waitedMs = performance.now() - startedAt
    if (rows >= wanted || waitedMs > SETTLE_LIMIT_MS) return { rows, waitedMs }
    await sleep(500)
  }
}
