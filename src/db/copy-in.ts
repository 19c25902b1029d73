/**
 * COPY … FROM STDIN through postgres.js, whose stream never ends when the server refuses what it was given after the last byte
 * (github.com/porsager/postgres/issues/1173): whoever waits for it would wait for ever, and the transaction would stay open.
 */

import { finished } from 'node:stream/promises'
import type { PendingQuery, TransactionSql } from 'postgres'

/** The driver copies each piece, and the server keeps room for the largest. */
const PIECE_BYTES = 1024 * 1024

type Refusable = PendingQuery<never> & { reject: (error: unknown) => void }

/**
 * Copies these bytes in, in the transaction. Resolves when the server has taken all rows, so that `bytes` may be written over.
 * Rejects with what the server or the connection says: then nothing was copied, and `bytes` may still be on their way.
 */
export async function copyIn(transaction: TransactionSql, statement: string, bytes: Buffer): Promise<void> {
  const query = transaction.unsafe(statement) as unknown as Refusable
  const refused = Promise.withResolvers<never>()
  refused.promise.catch(() => undefined)
  const reject = query.reject
  query.reject = (error) => {
    refused.reject(error)
    reject(error)
  }
  const stream = await query.writable()
  const taken = finished(stream)
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) stream.write(bytes.subarray(at, at + PIECE_BYTES))
  stream.end()
  await Promise.race([taken, refused.promise])
}
