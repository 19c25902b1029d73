/**
 * Transactions that a lost connection can only fail. postgres.js answers the failure with a ROLLBACK on the socket it
 * has just given up; that write throws where nobody can catch it, and the whole process ends
 * (github.com/porsager/postgres/issues/1208). Never hides an error, and leaves every other one to the driver.
 */

import type { Sql, TransactionSql } from 'postgres'

type Body = (transaction: TransactionSql) => unknown

/**
 * Replaces `begin` of a pool. When the connection is gone the returned promise rejects with the error that said so, and
 * the driver is never told: it learns from the socket, and the server rolls back by itself.
 * A body must not go on with a transaction whose statement failed, and savepoints are not covered.
 */
export function guardTransactions(sql: Sql): void {
  const begin = sql.begin.bind(sql) as (options: string, body: Body) => Promise<unknown>
  const guarded = (options: string, body: Body): Promise<unknown> => {
    const lost = Promise.withResolvers<never>()
    const result = begin(options, async (transaction) => {
      try {
        const value = await body(transaction)
        return Array.isArray(value) ? await Promise.all(value) : value
      } catch (error) {
        if (!saysLost(error)) throw error
        lost.reject(error)
        // Answering either way would make the driver write. Whoever began has the error already.
        return await new Promise<never>(() => undefined)
      }
    })
    return Promise.race([result, lost.promise])
  }
  sql.begin = ((...given: [Body] | [string, Body]) =>
    given.length === 1 ? guarded('', given[0]) : guarded(given[0], given[1])) as Sql['begin']
}

/** True for the driver's own errors about a connection, also inside those of a layer above it. */
function saysLost(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code, severity, syscall } = cause as Error & {
      code?: string
      severity?: string
      syscall?: string
    }
    // FATAL and PANIC end the session (postgresql.org/docs/current/protocol-error-fields.html).
    if (severity === 'FATAL' || severity === 'PANIC' || code?.startsWith('CONNECTION_') === true) return true
    // The driver puts its statement on every error it passes on: a socket's error with one is its socket's.
    if (syscall !== undefined && 'query' in cause) return true
  }
  return false
}
