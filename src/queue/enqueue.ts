/** Puts jobs into the queue. Never waits for one to run, and never puts anything but ids into a payload. */

import type { JobQueue, QueueBackend } from './backend.ts'
import { JOBS, type JobName, type JobPayload } from './jobs.ts'

export type Enqueuer = {
  /**
   * Adds a job, to be run at least once. With a `key` a job of that name and key that is still waiting or running is
   * not added a second time. Throws when the payload does not fit its schema or the backend is out of reach.
   */
  enqueue<Name extends JobName>(
    name: Name,
    payload: JobPayload<Name>,
    options?: { key?: string },
  ): Promise<void>
  /** Runs a job every `everyMs` milliseconds, starting now. Any number of processes may say so; it runs once per turn. */
  schedule<Name extends JobName>(name: Name, payload: JobPayload<Name>, everyMs: number): Promise<void>
  close(): Promise<void>
}

/** Finished jobs say nothing that the database does not; failed ones are kept a while to be looked at. */
const KEEP = { removeOnComplete: true, removeOnFail: { age: 7 * 86_400, count: 1_000 } } as const
const ATTEMPTS = 5
const FIRST_RETRY_MS = 1_000

/** Opens the queue for adding. `failed` hears of lost connections, which are opened again by themselves. */
export function openEnqueuer(backend: QueueBackend, failed: (error: Error) => void): Enqueuer {
  const queue: JobQueue = backend.openQueue(failed)
  const options = { ...KEEP, attempts: ATTEMPTS, backoff: { type: 'exponential', delay: FIRST_RETRY_MS } }
  return {
    enqueue: async (name, payload, { key } = {}) => {
      const data = JOBS[name].parse(payload)
      await queue.add(name, data, {
        ...options,
        ...(key === undefined ? {} : { deduplication: { id: `${name}/${key}` } }),
      })
    },
    schedule: async (name, payload, everyMs) => {
      const data = JOBS[name].parse(payload)
      await queue.upsertJobScheduler(name, { every: everyMs }, { name, data, opts: options })
    },
    close: () => queue.close(),
  }
}
