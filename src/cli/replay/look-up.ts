/** Finds replays on the log, so that both sides of a pair were measured by the gateway and not by this process. */

import { sleep } from '../../lib/sleep.ts'
import { type Client, UnreachableError } from '../client.ts'
import type { LoggedRequest } from './logged.ts'
import type { Sent } from './send.ts'

const ASKED_AT_ONCE = 4
const POLL_MS = 250
/** A row takes a tenth of a second; longer than this the database is away, and the report says what is missing. */
const PATIENCE_MS = 15_000
/** A replay that waited at a limit has a row for each refusal. */
const ROWS = 20

/** Rows by their ids, as far as they are on the log in time. Throws CliError when the log cannot be read. */
export async function lookUp(
  client: Client,
  sent: readonly Sent[],
  purpose: string,
): Promise<Map<string, LoggedRequest>> {
  const found = new Map<string, LoggedRequest>()
  let missing = sent.filter(({ id }) => id !== null)
  const never = new AbortController().signal
  try {
    for (let waitedMs = 0; missing.length > 0 && waitedMs <= PATIENCE_MS; waitedMs += POLL_MS) {
      if (waitedMs > 0) await sleep(POLL_MS, never)
      for (let at = 0; at < missing.length; at += ASKED_AT_ONCE) {
        const asked = missing.slice(at, at + ASKED_AT_ONCE)
        const pages = await Promise.all(
          asked.map(({ candidate }) => ask(client, candidate.logged.id, purpose)),
        )
        for (const row of pages.flat()) found.set(row.id, row)
      }
      missing = missing.filter(({ id }) => id !== null && !found.has(id))
    }
  } catch (error) {
    // The server went away after it had answered: what is known is still worth a report.
    if (!(error instanceof UnreachableError)) throw error
  }
  return found
}

async function ask(client: Client, replayOf: string, purpose: string): Promise<LoggedRequest[]> {
  const page = await client.json<{ data: LoggedRequest[] }>({
    method: 'GET',
    path: '/api/requests',
    query: { replay_of: replayOf, limit: String(ROWS), purpose },
  })
  return page.data
}
