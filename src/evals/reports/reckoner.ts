/**
 * Verdicts made beside the thread that serves: their resampling takes seconds, in which no request would be answered. Loads
 * none of the statistics itself.
 */

import { LimitError } from '../../errors.ts'
import { inThread } from '../in-thread.ts'
import type { Verdict, verdictOf } from '../runs/verdict.ts'

/** As `verdictOf`; also rejects with LimitError while too many wait. */
export type Reckon = (...given: Parameters<typeof verdictOf>) => Promise<Verdict>

/** One at a time, so that reports leave the other cores to requests. */
const MAX_WAITING = 20
const RETRY_AFTER_MS = 5_000
/** 100,000 items with fifty scorers take about a minute. */
const TIME_LIMIT_MS = 600_000
const THREAD = new URL('./verdict-thread.ts', import.meta.url)

/** Each verdict has a thread that ends with it. */
export function createReckoner(): Reckon {
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0
  return async (...given) => {
    if (waiting >= MAX_WAITING) {
      const message = `${MAX_WAITING} reports are being made. Ask again when some of them are done.`
      throw new LimitError('concurrency_limit_exceeded', message, RETRY_AFTER_MS)
    }
    waiting += 1
    const made = last.then(() => inThread<Verdict>(THREAD, given, TIME_LIMIT_MS))
    last = made.catch(() => undefined)
    try {
      return await made
    } finally {
      waiting -= 1
    }
  }
}
