/**
 * Search in bodies. They are sealed, so the database cannot look into them: pages of rows that match everything else are
 * opened here, a bounded number for each call, and the cursor goes on where the search stopped.
 */

import type { Db } from '../db/client.ts'
import { RequestError } from '../errors.ts'
import type { AuditKeys } from './privacy/audit-keys.ts'
import { type Body, readBodies } from './privacy/read-bodies.ts'
import { DEFAULT_LIMIT, listRequests, listStored, type RequestFilter, type RequestPage } from './store.ts'

const MAX_TEXT = 1000
const PAGE_ROWS = 100
/** What one call may open: a second or two of work. */
const MAX_ROWS = 2000
const MAX_BYTES = 256 * 1024 * 1024

/** `scanned`: rows whose bodies were looked into. With a `nextCursor` and no rows, older rows are still to be searched. */
export type SearchPage = RequestPage & { scanned: number }

/** One page, newest first. Without `text` like `listRequests`. Throws RequestError for a text outside 1…1000 characters. */
export async function searchRequests(
  db: Db,
  keys: Pick<AuditKeys, 'wrapping'>,
  filter: RequestFilter & { text?: string | undefined },
): Promise<SearchPage> {
  const { text, ...rest } = filter
  if (text === undefined) return { ...(await listRequests(db, rest)), scanned: 0 }
  if (text === '' || text.length > MAX_TEXT) {
    throw new RequestError('invalid_value', `text must have 1 to ${MAX_TEXT} characters.`, { param: 'text' })
  }
  const wanted = text.toLowerCase()
  const limit = filter.limit ?? DEFAULT_LIMIT
  const page: SearchPage = { rows: [], nextCursor: filter.cursor ?? null, scanned: 0 }
  let bytes = 0
  while (page.scanned < MAX_ROWS && bytes < MAX_BYTES) {
    const { rows, cursors } = await listStored(db, {
      ...rest,
      cursor: page.nextCursor ?? undefined,
      limit: PAGE_ROWS,
    })
    const bodies = await readBodies(db, keys, rows)
    for (const [index, row] of rows.entries()) {
      const { requestBody = null, responseBody = null } = bodies[index] ?? {}
      page.scanned += 1
      page.nextCursor = cursors[index] ?? null
      bytes += row.requestBytes + row.responseBytes
      if (!holds(requestBody, wanted) && !holds(responseBody, wanted)) continue
      const { requestBody: _request, responseBody: _response, trail: _trail, ...found } = row
      const { openRecord: _open, closeRecord: _close, ...plain } = found
      page.rows.push(plain)
      if (page.rows.length === limit) return page
    }
    if (rows.length < PAGE_ROWS) return { ...page, nextCursor: null }
  }
  return page
}

function holds(body: Body, wanted: string): boolean {
  return typeof body === 'string' && body.toLowerCase().includes(wanted)
}
