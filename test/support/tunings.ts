/** Models in training for tests: asked for, and taken on by a worker that comes whenever a test says. */

import type { EventLog, EventRecord } from '../../src/audit/record.ts'
import type { DatabaseConnection } from '../../src/db/client.ts'
import { createTuning, planTuning, type TuningWish } from '../../src/evals/tuning/create-tuning.ts'
import { executeTuning, type TuningOutcome } from '../../src/evals/tuning/execute-tuning.ts'
import { findTuningById, type TuningRow } from '../../src/evals/tuning/tuning-rows.ts'
import { type Clock, systemClock } from '../../src/lib/clock.ts'
import { Secret } from '../../src/lib/secret.ts'
import { createProviderRegistry } from '../../src/providers/registry.ts'
import type { Actor } from '../../src/registry/actor.ts'
import { AUTHOR } from './eval-runs.ts'
import { TUNING_KEY } from './tuning-server.ts'

export const HOUR_MS = 3_600_000

/** The system's clock, moved on: a worker comes back later than the one before. */
export function clockIn(ms: number): Clock {
  return { ...systemClock, nowMs: () => systemClock.nowMs() + ms }
}

/** Upstreams `up`, which trains models, and `claude`, which does not. Close it. */
export function openTuners(url: string) {
  const timeouts = { connectMs: 2_000, firstByteMs: 20_000, idleMs: 20_000, totalMs: 30_000 }
  const remote = { key: new Secret(TUNING_KEY, 'env:TUNING_KEY'), headers: {}, timeouts, maxConnections: 4 }
  const providers = createProviderRegistry({
    nowMs: systemClock.nowMs,
    createLocal: () => {
      throw new Error('No local models in this test.')
    },
    onRetireError: () => {},
  })
  const made = providers.apply([
    { ...remote, name: 'up', baseUrl: url, dialect: 'openai', keyHeader: null, query: {} },
    { ...remote, name: 'claude', baseUrl: url, dialect: 'anthropic' },
  ])
  return {
    tunerOf: (upstream: string) => made.get(upstream)?.fineTuning ?? null,
    speaks: (upstream: string) => {
      const provider = made.get(upstream)
      return provider === undefined
        ? null
        : { dialect: provider.dialect, tunes: provider.fineTuning !== undefined }
    },
    close: () => providers.close(),
  }
}
export type Tuners = ReturnType<typeof openTuners>

export function keptEvents(): { events: EventRecord[]; log: EventLog } {
  const events: EventRecord[] = []
  return { events, log: { event: async (record) => void events.push(record) } }
}

const WISH: TuningWish = {
  name: 'refunds-ft',
  dataset: 'refunds',
  validation: null,
  model: 'up/base',
  method: 'supervised',
  epochs: null,
  suffix: null,
  seed: null,
  licence: null,
}

export async function ask(
  { sql }: DatabaseConnection,
  tuners: Tuners,
  wish: Partial<TuningWish> = {},
  author: Actor = AUTHOR,
): Promise<TuningRow> {
  const deps = { sql, clock: systemClock, speaks: tuners.speaks }
  const plan = await planTuning(deps, author.projectId, { ...WISH, ...wish })
  const given = { plan, purpose: 'ticket 812', idempotencyKey: null }
  return (await createTuning(deps, author, given)).row
}

/** A worker that comes so much later. */
export async function work(
  { sql, db }: DatabaseConnection,
  tuners: Pick<Tuners, 'tunerOf'>,
  id: string,
  { aheadMs = 0, log = keptEvents().log }: { aheadMs?: number; log?: EventLog } = {},
): Promise<TuningOutcome> {
  return await executeTuning(
    {
      sql,
      db,
      clock: clockIn(aheadMs),
      random: () => 0.5,
      log,
      tunerOf: tuners.tunerOf,
      signal: new AbortController().signal,
      // Whoever was killed is taken for dead at once; no test lets two live at a time.
      silentMs: -1_000,
    },
    id,
  )
}

export async function rowOf({ sql }: DatabaseConnection, id: string): Promise<TuningRow> {
  const row = await findTuningById(sql, id)
  if (row === null) throw new Error(`${id} is gone.`)
  return row
}
