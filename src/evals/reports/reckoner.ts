/**
 * Verdicts made beside the thread that serves: their resampling takes seconds, in which no request would be answered. Loads
 * none of the statistics itself.
 */

import { Worker } from 'node:worker_threads'
import { LimitError } from '../../errors.ts'
import { compileCache } from '../../lib/compile-cache.ts'
import type { Verdict, verdictOf } from '../runs/verdict.ts'

/** As `verdictOf`; also rejects with LimitError while too many wait. */
export type Reckon = (...given: Parameters<typeof verdictOf>) => Promise<Verdict>

/** One at a time, so that reports leave the other cores to requests. */
const MAX_WAITING = 20
const RETRY_AFTER_MS = 5_000
/** 100,000 items with fifty scorers take about a minute. */
const TIME_LIMIT_MS = 600_000

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
    const made = last.then(() => inThread(given))
    last = made.catch(() => undefined)
    try {
      return await made
    } finally {
      waiting -= 1
    }
  }
}

async function inThread(given: Parameters<typeof verdictOf>): Promise<Verdict> {
  const signal = AbortSignal.timeout(TIME_LIMIT_MS)
  const thread = new Worker(new URL('./verdict-thread.ts', import.meta.url), {
    workerData: given,
    env: compileCache(),
    execArgv: [],
  })
  try {
    return await new Promise<Verdict>((resolve, reject) => {
      thread.once('message', resolve)
      thread.once('error', reject)
      thread.once('exit', (code) => reject(new Error(`The verdict's thread ended with exit code ${code}.`)))
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
  } finally {
    await thread.terminate()
  }
}
