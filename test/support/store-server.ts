/** /v1/files and /v1/vector_stores over a real database, with a worker beside them that every bell wakes. */

import type { RequestDetail } from '../../src/audit/privacy/read-bodies.ts'
import type { CloseRecord, EventRecord, OpenRecord } from '../../src/audit/record.ts'
import { RequestError, toOpenAIError } from '../../src/errors.ts'
import { createAdmission } from '../../src/gateway/admission.ts'
import { createRecorder } from '../../src/http/api/recorder.ts'
import { storeRoutes } from '../../src/http/v1/stores.ts'
import type { StoresDeps } from '../../src/http/v1/stores-deps.ts'
import { createLimiter } from '../../src/keys/limiter.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { newId } from '../../src/lib/ids.ts'
import { createParser } from '../../src/retrieval/documents/parser.ts'
import { Retriever } from '../../src/retrieval/retrieve.ts'
import { type UpdateDeps, updateStore } from '../../src/retrieval/stores/update.ts'
import { type ApiServer, startApiServer } from './api-server.ts'
import type { TestDatabase } from './database.ts'
import { shippedModels } from './retrieval.ts'

export type StoreServer = ApiServer & {
  /** What was put on the log: events, and rows of searches. */
  events: EventRecord[]
  rows: { open: OpenRecord; close: CloseRecord; request: string; answer: string }[]
  bugs: unknown[]
  /** How a worker's looks at stores ended. */
  outcomes: unknown[]
  worker: UpdateDeps
  /** What /v1/files and /v1/vector_stores are made of. */
  stores: StoresDeps
  /** False keeps bells from waking the worker. */
  awake: boolean
  /** Until no look at a store is under way. */
  idle(): Promise<void>
}

/** `rows` are the log of the default project. */
export async function startStoreServer(
  database: TestDatabase,
  input: { rows?: RequestDetail[] } = {},
): Promise<StoreServer> {
  const server = await startApiServer(database, input)
  const models = shippedModels()
  const parser = createParser()
  const { sql } = database
  const clock = systemClock
  const [events, rows, bugs, outcomes]: [EventRecord[], StoreServer['rows'], unknown[], unknown[]] = [
    [],
    [],
    [],
    [],
  ]
  const looks = new Set<Promise<void>>()
  const worker: UpdateDeps = {
    ...database,
    clock,
    parser,
    models: async () => models,
    signal: new AbortController().signal,
  }
  const stores: StoresDeps = {
    sql,
    clock,
    embedderOf: models.embedderOf,
    record: createRecorder({ event: async (event) => void events.push(event) }, clock),
    admission: createAdmission(createLimiter(), () => ({ rpm: null, concurrency: null }), clock),
    log: {
      whole: async (open, close, request, answer) =>
        void rows.push({ open, close, request: request.toString(), answer: answer.toString() }),
    },
    retriever: new Retriever({ sql, clock, embedderOf: models.embedderOf }),
    ring,
  }
  const whole: StoreServer = {
    ...server,
    events,
    rows,
    bugs,
    outcomes,
    worker,
    stores,
    awake: true,
    idle: async () => {
      while (looks.size > 0) await Promise.all(looks)
    },
    close: async () => {
      await whole.idle()
      await server.close()
      await models.close()
      await parser.close()
    },
  }
  function ring(storeId: string): void {
    if (!whole.awake) return
    const look = updateStore(whole.worker, storeId).then(
      (outcome) => void outcomes.push(outcome),
      (error: unknown) => void outcomes.push(error),
    )
    looks.add(look)
    void look.finally(() => looks.delete(look))
  }
  server.app.use(async (c, next) => {
    c.set('requestId' as never, newId('req', clock.nowMs()) as never)
    await next()
  })
  server.app.onError((error, c) => {
    if (!(error instanceof RequestError)) bugs.push(error)
    const { status, headers, body } = toOpenAIError(error, 'req_test')
    return c.json(body, status as 500, headers)
  })
  server.app.route('/', storeRoutes(stores, server.keyring))
  return whole
}
