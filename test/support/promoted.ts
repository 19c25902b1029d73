/** A route with two releases, a suite that tells them apart, and the people who have to do with them. */

import { randomUUID } from 'node:crypto'
import type { Ask } from '../../src/evals/runs/ask.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { newId } from '../../src/lib/ids.ts'
import { createArmMemory } from '../../src/promotion/canary/arm-memory.ts'
import { OPEN, type Policy } from '../../src/promotion/policy.ts'
import { type AdvanceDeps, advancePromotion } from '../../src/promotion/requests/advance.ts'
import { answerPromotion } from '../../src/promotion/requests/approve.ts'
import { requestPromotion } from '../../src/promotion/requests/request.ts'
import type { PromotionRow } from '../../src/promotion/requests/store.ts'
import type { Actor } from '../../src/registry/actor.ts'
import { createRelease } from '../../src/registry/releases/create.ts'
import type { ReleaseRow } from '../../src/registry/releases/store.ts'
import type { TestDatabase } from './database.ts'
import { aDataset, execute, numbered, scriptedAsk } from './eval-runs.ts'
import { advanceDeps } from './promotions.ts'
import { NOTHING, seedModel } from './registry.ts'

const person = (name: string): Actor => ({
  id: `vk_${name}`,
  name,
  projectId: 'prj_default',
  person: `${name}@example.com`,
})
/** Anna makes releases, Ben asks for them, Carla and Dora approve. */
export const [ANNA, BEN, CARLA, DORA] = ['anna', 'ben', 'carla', 'dora'].map(person) as [
  Actor,
  Actor,
  Actor,
  Actor,
]

export const CAREFUL: Policy = {
  ...OPEN,
  name: 'careful',
  suites: ['numbers'],
  rules: [
    {
      suite: null,
      scorer: 'equals',
      slice: null,
      atLeast: 0.8,
      atMost: null,
      notWorseBy: 0.05,
      flipsAtMost: {},
    },
  ],
  evidence: { itemsMin: 50, freshMs: 3_600_000, coverage: 0.98 },
  approvals: { count: 1, roles: ['approver'], expireMs: 3_600_000 },
}

/** `evals/numbers.yaml` of a route. */
export function suiteOf(route: string): string {
  return `dataset: ${route}\nsubject: ${route}@production\nscorers: [equals]\n`
}

let models = 0

/** Anna's next release of the route, of a model of its own. */
export async function releaseOf({ db }: TestDatabase, route: string): Promise<ReleaseRow> {
  models += 1
  const name = `model-${models}`
  await seedModel(db, { name, content: { upstream: 'up', model: name, licence: 'MIT' } })
  const wish = { route, ...NOTHING, models: [{ ref: name, weight: null }] }
  return (await createRelease({ db, clock: systemClock }, ANNA, wish)).release
}

/**
 * Promotions of one route. `right` says which share of the hundred items a release answers rightly, by its number; runs are
 * made as soon as they are rung for.
 */
export function stageOf(
  open: () => TestDatabase,
  route: string,
  { right = () => 1, ...more }: { right?: (release: number) => number } & Partial<AdvanceDeps> = {},
) {
  const asked: number[] = []
  const rung: string[] = []
  const records: { action: string; detail: Readonly<Record<string, unknown>> }[] = []
  const arms = createArmMemory()
  const deps = (): AdvanceDeps => ({
    ...advanceDeps(open(), { numbers: suiteOf(route) }),
    arms,
    runSuite: async (id) => void rung.push(id),
    record: async (_promotion, what) => void records.push(what),
    ...more,
  })
  const askOf = (release: number): Ask =>
    scriptedAsk((question) => {
      asked.push(release)
      const number = Number(/\d+/.exec(question)?.[0])
      return number < right(release) * 100 ? String(number) : 'no idea'
    }).ask
  return {
    asked,
    records,
    deps,
    items: async () => await aDataset(open(), route, numbered(100)),
    request: async (
      to: number,
      policy: Policy,
      { by = BEN, label = 'production', breakGlass = false } = {},
    ): Promise<PromotionRow> => {
      const order = { route, label, to, reason: 'a test', breakGlass }
      return await requestPromotion(deps(), by, policy, order)
    },
    /** As far as it goes, with every run that it rings for. */
    advance: async ({ id }: Pick<PromotionRow, 'id'>): Promise<PromotionRow> => {
      for (let round = 0; round < 3; round += 1) {
        const row = await advancePromotion(deps(), id)
        if (rung.length === 0 && row !== null) return row
        for (const runId of rung.splice(0)) {
          const [run] = await open().sql<
            { subject: string }[]
          >`SELECT subject FROM eval_runs WHERE id = ${runId}`
          await execute(open(), runId, askOf(Number(run?.subject.split('@r')[1])))
        }
      }
      throw new Error(`Promotion ${id} gathers for ever.`)
    },
    answer: async (
      row: PromotionRow,
      by: Actor,
      given: { answer?: 'approve' | 'reject'; roles?: string[]; evidenceHash?: string } = {},
    ) => {
      const { answer = 'approve', roles = ['approver'], evidenceHash = row.evidenceHash ?? '' } = given
      return await answerPromotion(deps(), by, row, { answer, reason: 'a test', roles, evidenceHash })
    },
  }
}

type Traffic = {
  release: Pick<ReleaseRow, 'id' | 'projectId'>
  count: number
  outcome?: string
  ms?: number
  model?: string
  at?: Date
  key?: string
}

/** Rows of the log, as if apps had asked the route and a writer of its own had shipped them. */
export async function traffic({ sql }: TestDatabase, route: string, given: Traffic): Promise<void> {
  const {
    release,
    count,
    outcome = 'completed',
    ms = 100,
    model = route,
    at = new Date(),
    key = 'vk_app',
  } = given
  const first = newId('req', at.getTime()).slice(0, -6)
  await sql`
    WITH shipped AS (
      INSERT INTO ship_cursors (writer, next_seq, updated_at) VALUES (${randomUUID()}, ${count + 1}, ${at.toISOString()}::timestamptz)
      RETURNING writer)
    INSERT INTO requests (day, writer, seq, id, project_id, key_id, method, path, operation, requested_model, route, stream, outcome,
      status, started_at, duration_ms, ttft_ms, attempts, request_bytes, response_bytes, truncated, occurrences, release_id,
      cost_micro_usd)
    SELECT ${at.toISOString()}::timestamptz::date, writer, n, ${first} || lpad(n::text, 6, '0'), ${release.projectId},
      ${key}, 'POST', '/v1/chat/completions', 'chat', ${model}, ${route}, false, ${outcome}, 200, ${at.toISOString()}::timestamptz,
      ${ms} + n % 10, NULL, '[]', 10, 10, false, 1, ${release.id}, 100 + n % 7
    FROM shipped, generate_series(1, ${count}) AS n`
}
