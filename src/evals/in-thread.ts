/** Statistics beside the thread that serves: their resampling takes seconds, in which no request would be answered. */

import { Worker } from 'node:worker_threads'
import { LimitError } from '../errors.ts'
import { compileCache } from '../lib/compile-cache.ts'

const MAX_WAITING = 20
const RETRY_AFTER_MS = 5_000

/**
 * What the file posts, given its `workerData`, in a thread that ends with it: one at a time, so that the other cores are left to
 * requests. Rejects with its error, at the limit, and with LimitError while too many wait.
 */
export function inTurn<Given, Result>(
  file: URL,
  { what, limitMs }: { what: string; limitMs: number },
): (given: Given) => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0
  return async (given) => {
    if (waiting >= MAX_WAITING) {
      const message = `${MAX_WAITING} ${what} are being made. Ask again when some of them are done.`
      throw new LimitError('concurrency_limit_exceeded', message, RETRY_AFTER_MS)
    }
    waiting += 1
    const made = last.then(() => inThread<Result>(file, given, limitMs))
    last = made.catch(() => undefined)
    try {
      return await made
    } finally {
      waiting -= 1
    }
  }
}

async function inThread<Result>(file: URL, given: unknown, limitMs: number): Promise<Result> {
  const signal = AbortSignal.timeout(limitMs)
  const thread = new Worker(file, { workerData: given, env: compileCache(), execArgv: [] })
  try {
    return await new Promise<Result>((resolve, reject) => {
      thread.once('message', resolve)
      thread.once('error', reject)
      thread.once('exit', (code) => reject(new Error(`The statistics' thread ended with exit code ${code}.`)))
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
  } finally {
    await thread.terminate()
  }
}
