/**
 * Transactions that a lost connection can only fail. postgres.js goes on with a transaction on the place in its pool
 * where the connection was: what is written before the place has a new one throws where nobody can catch it, and the
 * whole process ends (github.com/porsager/postgres/issues/1208); what is written after is committed on its own, half a
 * transaction. Never hides an error, and leaves every other one to the driver.
 */

import type { PendingQuery, Sql, TransactionSql } from 'postgres'

type Body = (transaction: TransactionSql) => unknown

/** Queries of the driver call this when they are awaited, which may be long after they were written. */
type Executed = PendingQuery<never> & {
  handler: (query: Executed) => void
  reject: (error: unknown) => void
}

type Loss = { error: unknown }

/**
 * Replaces `begin` of a pool. When the connection is gone the returned promise rejects with the error that said so, no
 * later statement of the transaction reaches the driver, and the driver is never told how it ended: it learns from the
 * socket, and the server rolls back by itself. Savepoints are not covered.
 */
export function guardTransactions(sql: Sql): void {
  const begin = sql.begin.bind(sql) as (options: string, body: Body) => Promise<unknown>
  const guarded = (options: string, body: Body): Promise<unknown> => {
    const lost = Promise.withResolvers<never>()
    let loss: Loss | null = null
    const lose = (error: unknown) => {
      loss ??= { error }
      lost.reject(error)
    }
    const result = begin(options, async (transaction) => {
      try {
        const value = await body(refusing(transaction, () => loss))
        const settled = Array.isArray(value) ? await Promise.all(value) : value
        if (loss === null) return settled
      } catch (error) {
        if (loss === null && !saysLost(error)) throw error
        lose(error)
      }
      // Answering either way would make the driver write. Whoever began has the error already.
      return await new Promise<never>(() => undefined)
    })
    // The driver rejects in the turn in which the socket closes, so before anything else of the body runs.
    result.catch(lose)
    return Promise.race([result, lost.promise])
  }
  sql.begin = ((...given: [Body] | [string, Body]) =>
    given.length === 1 ? guarded('', given[0]) : guarded(given[0], given[1])) as Sql['begin']
}

/** The same transaction, whose queries ask when they are executed whether there is still a connection. */
function refusing(transaction: TransactionSql, loss: () => Loss | null): TransactionSql {
  const wrap = <Given extends unknown[]>(make: (...given: Given) => unknown) => {
    return (...given: Given): unknown => {
      const made = make(...given)
      if (!isQuery(made)) return made
      const execute = made.handler
      made.handler = (query) => {
        const found = loss()
        if (found === null) execute(query)
        else query.reject(found.error)
      }
      return made
    }
  }
  const tag = wrap(transaction as unknown as (...given: unknown[]) => unknown)
  return Object.assign(tag, transaction, {
    unsafe: wrap(transaction.unsafe),
    file: wrap(transaction.file),
  }) as unknown as TransactionSql
}

function isQuery(made: unknown): made is Executed {
  return made instanceof Promise && 'handler' in made && 'reject' in made
}

/** True for the driver's own errors about a connection, also inside those of a layer above it. */
export function saysLost(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code, severity, syscall } = cause as Error & {
      code?: string
      severity?: string
      syscall?: string
    }
    // FATAL and PANIC end the session (postgresql.org/docs/current/protocol-error-fields.html).
    if (severity === 'FATAL' || severity === 'PANIC' || code?.startsWith('CONNECTION_') === true) return true
    if (code === 'CONNECT_TIMEOUT') return true
    // The driver puts its statement on every error it passes on: a socket's error with one is its socket's.
    if (syscall !== undefined && 'query' in cause) return true
  }
  return false
}
