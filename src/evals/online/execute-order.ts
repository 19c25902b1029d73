/** A worker at an order: one look at the traffic since the last one, and one over all of it when its time is over. */

import { demandHeld, HELD, type HeldOutcome, whileHolding } from '../../db/held-work.ts'
import { GatewayError } from '../../errors.ts'
import { parseOrder } from './order-content.ts'
import { claimOrder, findOrderById, ORDERS, type OrderRow } from './order-rows.ts'
import { type Look, type ScoreDeps, scoreRequests } from './score-requests.ts'

export type ExecuteOrderDeps = Omit<ScoreDeps, 'own'> & {
  /** Aborted when the process is to stop: the order is given back. */
  signal: AbortSignal
  /** Shorter in tests. */
  beatMs?: number
  silentMs?: number
}

/** `waits`: for the next look. */
export type OrderOutcome = HeldOutcome<'waits' | 'done'>

/** A request is on the log when it has ended and was shipped: for so long after its beginning each look expects it still. */
const SETTLE_MS = 15 * 60_000
/** An order is tried so often in a row without a look that came to an end or a judgement. */
const MAX_ATTEMPTS = 20

/** No second try mends it. */
class OrderRefused extends Error {
  override name = 'OrderRefused'
}

/** Throws what a second try may mend. */
export async function executeOrder(deps: ExecuteOrderDeps, id: string): Promise<OrderOutcome> {
  const { sql, clock, signal, beatMs = HELD.beatMs, silentMs = HELD.silentMs } = deps
  const alive = new Date(clock.nowMs() - silentMs).toISOString()
  const instant = () => new Date(clock.nowMs()).toISOString()
  return await whileHolding<'waits' | 'done'>({ sql, clock, signal, beatMs }, ORDERS, id, {
    claim: (order, now) => claimOrder(sql, order, { now, alive }),
    work: async (run, lost) => {
      const row = await findOrderById(sql, id)
      if (row === null) return 'nothing'
      if (row.attempts > MAX_ATTEMPTS) {
        throw new OrderRefused(`Given up after ${MAX_ATTEMPTS} tries. ${row.error ?? ''}`.trim())
      }
      const own: ScoreDeps['own'] = async (write) => {
        const now = instant()
        await sql.begin(async (transaction) => {
          // Whoever gets something done is no failed try.
          await demandHeld(transaction, ORDERS, run, { attempts: 0 }, now)
          await write(transaction, now)
        })
      }
      const ended = await lookOnce({ ...deps, own }, row, AbortSignal.any([signal, lost]))
      const { state, lookedTo } = ended
      const finishedAt = state === 'done' ? instant() : null
      await demandHeld(
        sql,
        ORDERS,
        run,
        { state, run: null, lookedTo, attempts: 0, error: null, finishedAt },
        instant(),
      )
      return state === 'done' ? 'done' : 'waits'
    },
    isFinal: (error) =>
      error instanceof OrderRefused || (error instanceof GatewayError && error.status < 500),
  })
}

/** The last look is over the whole time again, so that a request that came onto the log late is not missed. */
async function lookOnce(
  deps: ScoreDeps,
  row: OrderRow,
  signal: AbortSignal,
): Promise<{ state: 'queued' | 'done'; lookedTo: string }> {
  const order = parseOrder(row)
  const settledMs = deps.clock.nowMs() - SETTLE_MS
  const isLast = settledMs >= Date.parse(order.until)
  const since = isLast ? order.since : row.lookedTo
  const look = await scoreRequests(deps, { row, order, since, until: order.until }, signal)
  if (look.ended === 'limit' || (isLast && look.ended === 'all'))
    return { state: 'done', lookedTo: markOf(look, row, Number.POSITIVE_INFINITY) }
  return { state: 'queued', lookedTo: markOf(look, row, settledMs) }
}

/** Never back, and never to where requests may still come. */
function markOf({ lookedTo }: Look, row: OrderRow, settledMs: number): string {
  const lookedMs = Math.min(Date.parse(lookedTo), settledMs)
  return new Date(Math.max(Date.parse(row.lookedTo), lookedMs)).toISOString()
}
