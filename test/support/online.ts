/** Live traffic for tests: requests on a real log, a release that served them, and orders to score them. */

import { rm } from 'node:fs/promises'
import type { Audit } from '../../src/audit/audit.ts'
import { deriveAuditKeys } from '../../src/audit/privacy/audit-keys.ts'
import type { CloseRecord, EventRecord, OpenRecord } from '../../src/audit/record.ts'
import { createOrder, type OrderWish, planOrder } from '../../src/evals/online/create-order.ts'
import {
  type ExecuteOrderDeps,
  executeOrder,
  type OrderOutcome,
} from '../../src/evals/online/execute-order.ts'
import type { OrderRow } from '../../src/evals/online/order-rows.ts'
import type { LiveScore } from '../../src/evals/online/score-rows.ts'
import { readyScorers } from '../../src/evals/scorers/ready-scorers.ts'
import { type SuiteScorer, toScorer } from '../../src/evals/suites/suite.ts'
import { type Clock, systemClock } from '../../src/lib/clock.ts'
import { createRelease } from '../../src/registry/releases/create.ts'
import { aClose, aFolder, anOpen, auditSecrets } from './audit-records.ts'
import { startAuditRoom } from './audit-room.ts'
import type { TestDatabase } from './database.ts'
import { noCode, noVectors, scriptedAsk, unhurried } from './eval-runs.ts'
import { AUTHOR, seedModel } from './registry.ts'

export const ROUTE = 'support-answer'
const secrets = auditSecrets()
export const onlineKeys = deriveAuditKeys(secrets.auditKey)

/** A model that releases of tests use. */
export async function aModel({ db }: TestDatabase): Promise<void> {
  await seedModel(db, { name: 'small', content: { upstream: 'up', model: 'small' } })
}

/** Releases of a route, in the order of their numbers; gives their ids. */
export async function someReleases({ db }: TestDatabase, route = ROUTE, count = 2): Promise<string[]> {
  const ids: string[] = []
  for (let at = 0; at < count; at += 1) {
    const wanted = { from: null, prompt: null, retries: null, index: null, retrieval: null }
    const made = await createRelease({ db, clock: systemClock }, AUTHOR, {
      ...wanted,
      route,
      models: [{ ref: 'small', weight: null }],
      parameters: { temperature: at / 10 },
    })
    ids.push(made.release.id)
  }
  return ids
}

export type Traffic = {
  /** Logs one answered chat request; resolves to its id once it is in the database. */
  say(
    release: string,
    answer: string,
    more?: {
      open?: Partial<OpenRecord>
      close?: Partial<CloseRecord>
      body?: object | string
      response?: string
    },
  ): Promise<string>
  flush(): Promise<void>
  audit: Audit
  close(): Promise<void>
}

export function someTraffic(database: TestDatabase): Traffic {
  const folder = aFolder()
  const audit = startAuditRoom({ secrets, dataFolder: folder, databaseUrl: database.url })
  return {
    audit,
    async say(release, answer, { open, close, body, response } = {}) {
      const record = anOpen({ route: ROUTE, release, subject: 'ada', ...open })
      const asked = body ?? { model: ROUTE, messages: [{ role: 'user', content: 'May I return shoes?' }] }
      const said = { choices: [{ index: 0, message: { content: answer }, finish_reason: 'stop' }] }
      await audit.log.open(record, Buffer.from(typeof asked === 'string' ? asked : JSON.stringify(asked)))
      await audit.log.close(aClose(record.id, close), Buffer.from(response ?? JSON.stringify(said)))
      return record.id
    },
    flush: async () => {
      if (!(await audit.flush(30_000))) throw new Error('The log did not come into the database.')
    },
    close: async () => {
      await audit.close(5000)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export const liveScorer = (given: Parameters<typeof toScorer>[0]): SuiteScorer => toScorer(given)
export const BRIEF = liveScorer({ name: 'brief', kind: 'word-count', max: 3 })
export const POLITE = liveScorer({
  name: 'polite',
  kind: 'closed-qa',
  criterion: 'Polite.',
  model: 'up/judge',
})

export async function anOrder(database: TestDatabase, wish: Partial<OrderWish> = {}): Promise<OrderRow> {
  const nowMs = Date.now()
  const deps = { ...database, clock: systemClock }
  const content = await planOrder(deps, AUTHOR.projectId, {
    route: ROUTE,
    releases: [1, 2],
    scorers: [BRIEF],
    sample: 1,
    sinceMs: nowMs - 3_600_000,
    untilMs: nowMs + 3_600_000,
    limit: 1_000,
    budget: null,
    purpose: 'a test',
    ...wish,
  })
  return await createOrder(deps, AUTHOR, content)
}

/** One look of a worker; `records` gets what it put on the log. */
export async function lookAt(
  { sql, db }: TestDatabase,
  id: string,
  more: Partial<ExecuteOrderDeps> & { clock?: Clock; records?: EventRecord[] } = {},
): Promise<OrderOutcome> {
  const { records = [], ...rest } = more
  return await executeOrder(
    {
      sql,
      db,
      keys: onlineKeys,
      clock: systemClock,
      random: () => 0,
      log: { event: async (record) => void records.push(record) },
      ask: scriptedAsk(() => '{}').ask,
      pace: unhurried,
      embed: noVectors,
      evaluate: noCode,
      prepare: readyScorers,
      signal: new AbortController().signal,
      ...rest,
    },
    id,
  )
}

type KeptScore = {
  requestId: string
  releaseId: string
  scorer: string
  outcome: LiveScore['outcome']
  skip: string | null
  value: number | null
  reason: string | null
  cost: string | null
}

/** In the order of the requests. */
export async function keptScores({ sql }: TestDatabase, releases: readonly string[]): Promise<KeptScore[]> {
  return await sql<KeptScore[]>`
    SELECT request_id AS "requestId", release_id AS "releaseId", scorer, outcome, skip, value, reason, cost::text AS cost
    FROM online_scores
    WHERE release_id IN (SELECT value FROM json_array_elements_text(${JSON.stringify(releases)}::json) AS given (value))
    ORDER BY started_at, request_id, scorer`
}
