/** Statistics beside the thread that serves: their resampling takes seconds, in which no request would be answered. */

import { Worker } from 'node:worker_threads'
import { compileCache } from '../lib/compile-cache.ts'

/** What the file posts, given its `workerData`, in a thread that ends with it. Rejects with its error, or at the limit. */
export async function inThread<Result>(file: URL, given: unknown, limitMs: number): Promise<Result> {
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
