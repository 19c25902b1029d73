/** A read that is given a time: what takes longer is no failure, but an answer that is not there. */

import type { Db } from './client.ts'
import { sql } from './orm.ts'

/**
 * What `read` gives; null when one of its statements needs longer than `timeoutMs` on a server. The embedded database is one
 * session without cancellation, and takes its time. Throws what `read` throws otherwise.
 */
export async function readWithin<Answer>(
  db: Db,
  timeoutMs: number,
  read: (transaction: Db) => Promise<Answer>,
): Promise<Answer | null> {
  try {
    return await db.transaction(async (transaction) => {
      await transaction.execute(sql.raw(`SET LOCAL statement_timeout = ${Math.round(timeoutMs)}`))
      return await read(transaction)
    })
  } catch (error) {
    if (isCancelled(error)) return null
    throw error
  }
}

/** PostgreSQL's code for a statement that was cancelled, which is what its timeout does. */
function isCancelled(error: unknown): boolean {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } }
  return (code ?? cause?.code) === '57014'
}
