/** A worker says every fifteen seconds that it lives, and what it sees of the queue. */

import type { Sql } from 'postgres'
import type { Clock } from '../lib/clock.ts'
import { uuidv7 } from '../lib/ids.ts'
import { putWorkerSign, removeWorkerSign } from '../monitoring/workers/sign-rows.ts'
import type { QueueBackend } from '../queue/backend.ts'
import { countJobs } from '../queue/count-jobs.ts'

const EVERY_MS = 15_000

export type Signs = {
  /** Takes the sign away, as far as the database answers. */
  stop(): Promise<void>
}

/** Begins at once. A sign that could not be given is told to `failed` and left out; the next one comes all the same. */
export function giveSigns(
  { sql, clock, backend }: { sql: Sql; clock: Clock; backend: QueueBackend },
  failed: (error: Error) => void,
  everyMs: number = EVERY_MS,
): Signs {
  const worker = Buffer.from(uuidv7(clock.nowMs())).toString('hex')
  const queue = backend.openQueue(failed)
  let giving: Promise<void> | null = null
  const give = (): void => {
    giving ??= countJobs(queue)
      .then((counts) => putWorkerSign(sql, worker, counts))
      .catch(failed)
      .finally(() => {
        giving = null
      })
  }
  give()
  const timer = setInterval(give, everyMs).unref()
  return {
    async stop() {
      clearInterval(timer)
      await giving
      await removeWorkerSign(sql, worker).catch(failed)
      await queue.close()
    },
  }
}
