/** Tells the workers that something waits. The queue is opened for it and closed again: what is rung for is rare and long. */

import type { OpenedDatabase } from './database.ts'
import type { Ring } from './queue/jobs.ts'
import { queueFailed } from './telemetry/events.ts'
import type { Logger } from './telemetry/logger.ts'

/** Never rejects: a bell that was not heard is rung again by the worker's own round within a minute or two. */
export function doorbell({
  redisUrl,
  database,
  logger,
}: {
  redisUrl: string | null
  database: Pick<OpenedDatabase, 'url'>
  logger: Logger
}): Ring {
  const failed = (error: Error) => queueFailed(logger, error)
  return async (name, payload, key) => {
    try {
      // Loaded here, because the queue's packages weigh more than the rest of the gateway.
      const [{ queueBackend }, { openEnqueuer }] = await Promise.all([
        import('./queue/backend.ts'),
        import('./queue/enqueue.ts'),
      ])
      const backend = queueBackend({ redisUrl, databaseUrl: database.url })
      await backend.prepare()
      const enqueuer = openEnqueuer(backend, failed)
      try {
        await enqueuer.enqueue(name, payload, { key })
      } finally {
        await enqueuer.close()
      }
    } catch (error) {
      failed(error instanceof Error ? error : new Error(String(error)))
    }
  }
}
