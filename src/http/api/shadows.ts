/** /api/shadows: starts, shows and stops the mirroring of a label's traffic to a candidate release. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { ShadowFigures, ShadowKey } from '../../audit/shadows/store.ts'
import { parseUsd, usdText } from '../../lib/money.ts'
import { findReleasesById, type ReleaseRow } from '../../registry/releases/store.ts'
import { noShadow, type ShadowDeps, startShadow, stopShadow } from '../../registry/shadows/shadow.ts'
import { findShadow, listShadows, type ShadowRow, sumShadowTallies } from '../../registry/shadows/store.ts'
import { actorOf } from '../actor.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import { pageFrom, pageOf, registryReaders } from './page.ts'
import type { Recorder } from './recorder.ts'
import { releaseText, routeName } from './releases.ts'
import { answer, errorAnswers, jsonBody, limitText, refuseInvalid, strictShape } from './validation.ts'

export type ShadowsApiDeps = ShadowDeps & {
  record: Recorder
  /** Resolves when this gateway mirrors what was started, and nothing of what was stopped. */
  changed: () => Promise<void>
  figuresOf: (shadow: ShadowKey) => Promise<ShadowFigures>
}

const shape = {
  id: z.string(),
  route: z.string(),
  label: z.string(),
  /** The candidate. */
  release: z.string(),
  release_id: z.string(),
  percent: z.number(),
  budget_usd: z.string(),
  allow_unpriced: z.boolean(),
  reason: z.string(),
  state: z.enum(['running', 'stopped', 'spent', 'ended']),
  started_by: z.string(),
  started_by_name: z.string().nullable(),
  started_at: z.string(),
  ends_at: z.string(),
  /** Null while it runs, and where a gateway ended it. */
  stopped_by: z.string().nullable(),
  stopped_by_name: z.string().nullable(),
  stopped_at: z.string().nullable(),
  stop_reason: z.string().nullable(),
}
const shadowSchema = z.object(shape).openapi('Shadow')
const latency = z.object({ p50_ms: z.number(), p95_ms: z.number() }).nullable()
const detailSchema = z
  .object({
    ...shape,
    /** Calls on the log, of every outcome. This and all else that is nullable: null when they are too many to be read in time. */
    sent: z.number().nullable(),
    /** Chosen and not sent: no room in the queue, or it had ended; may leave traces, or no room in the budget. */
    dropped: z.number(),
    skipped: z.number(),
    outcomes: z.record(z.string(), z.number()).nullable(),
    spent_usd: z.string().nullable(),
    /** Kept back for calls whose cost nobody told, and how many calls of the log say none. */
    held_usd: z.string(),
    unpriced: z.number().nullable(),
    /** Over the newest pairs of which the mirrored call completed. */
    latency: z.object({ pairs: z.number(), app: latency, shadow: latency }).nullable(),
  })
  .openapi('ShadowDetail')

const reason = z.string().trim().min(1).max(2000)
const startBody = strictShape('field', {
  route: routeName,
  label: routeName.default('production'),
  release: releaseText,
  /** Per cent of the requests, in steps of a hundredth. */
  percent: z.number().min(0.01).max(100),
  budget_usd: z
    .union([z.string().max(30), z.number()])
    .transform((text, context) => {
      const amount = parseUsd(String(text))
      if (amount !== null && amount > 0n && amount <= MAX_BUDGET) return amount
      context.addIssue({ code: 'custom', message: 'Write an amount from 0.000001 to 1000000, such as 2.50.' })
      return z.NEVER
    })
    .openapi({ type: 'string', example: '2.50' }),
  allow_unpriced: z.boolean().default(false),
  duration_seconds: z.int().min(60).max(2_592_000).default(86_400),
  reason,
})
const stopBody = strictShape('field', { reason })
const listQuery = strictShape('filter', {
  route: routeName.optional(),
  limit: limitText,
  cursor: z.string().max(200).optional(),
})
const params = z.object({ id: z.string().max(100) })

/** Micro-USD. */
const MAX_BUDGET = 1_000_000_000_000n

const startRoute = createRoute({
  method: 'post',
  path: '/shadows',
  middleware: requireRole('admin', 'engineer'),
  request: jsonBody(startBody),
  responses: { 201: answer('The running shadow.', shadowSchema), ...errorAnswers },
})
const listRoute = createRoute({
  method: 'get',
  path: '/shadows',
  middleware: requireRole(...registryReaders),
  request: { query: listQuery },
  responses: { 200: answer('Newest first.', pageOf(shadowSchema)), ...errorAnswers },
})
const showRoute = createRoute({
  method: 'get',
  path: '/shadows/{id}',
  middleware: requireRole(...registryReaders),
  request: { params },
  responses: { 200: answer('The shadow, and what came of it until now.', detailSchema), ...errorAnswers },
})
const stopRoute = createRoute({
  method: 'post',
  path: '/shadows/{id}/stop',
  middleware: requireRole('admin', 'engineer'),
  request: { params, ...jsonBody(stopBody) },
  responses: { 200: answer('The shadow as it ended.', shadowSchema), ...errorAnswers },
})

/** Routes under /api; authentication has already run. */
export function shadowsApi(deps: ShadowsApiDeps) {
  const { db, record } = deps
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(startRoute, async (c) => {
      const { percent, budget_usd: budget, duration_seconds, allow_unpriced, ...rest } = c.req.valid('json')
      const { key } = c.var
      const share = Math.round(percent * 100)
      await record.admin(key, {
        action: 'shadow.start',
        target: `${rest.route}@${rest.label}`,
        purpose: rest.reason,
        detail: {
          release: `r${rest.release}`,
          percent,
          budget_usd: usdText(budget),
          duration_seconds,
          allow_unpriced,
        },
      })
      const durationMs = duration_seconds * 1000
      const wanted = { ...rest, share, budget, allowUnpriced: allow_unpriced, durationMs }
      const row = await startShadow(deps, actorOf(key), wanted)
      await deps.changed()
      return c.json(await toWire(deps, row), 201)
    })
    .openapi(listRoute, async (c) => {
      const { route, limit, cursor } = c.req.valid('query')
      const wanted = { route: route ?? null, before: cursor ?? null, limit: limit + 1 }
      const rows = await listShadows(db, c.var.key.projectId, wanted)
      const cursorOf = ({ id }: ShadowRow) => id
      const page = pageFrom(rows, limit, { cursorOf, toWire: (row) => row })
      // Read at once, however many there are.
      const ids = page.data.map(({ releaseId }) => releaseId)
      const releases = await findReleasesById(db, c.var.key.projectId, ids)
      return c.json({ ...page, data: page.data.map((row) => shadowToWire(row, releases)) }, 200)
    })
    .openapi(showRoute, async (c) => {
      const { id } = c.req.valid('param')
      const row = await findShadow(db, c.var.key.projectId, id)
      if (row === null) throw noShadow(id)
      return c.json(await toDetail(deps, row), 200)
    })
    .openapi(stopRoute, async (c) => {
      const { id } = c.req.valid('param')
      const { reason: why } = c.req.valid('json')
      const { key } = c.var
      await record.admin(key, { action: 'shadow.stop', target: id, purpose: why })
      const row = await stopShadow(deps, actorOf(key), { id, reason: why })
      await deps.changed()
      return c.json(await toWire(deps, row), 200)
    })
}

async function toDetail(deps: ShadowsApiDeps, row: ShadowRow): Promise<z.infer<typeof detailSchema>> {
  const { spending, outcomes, latencies } = await deps.figuresOf(row)
  const { dropped, skipped, held } = await sumShadowTallies(deps.db, row.id)
  return {
    ...(await toWire(deps, row)),
    sent: spending?.sent ?? null,
    dropped,
    skipped,
    outcomes: outcomes === null ? null : { ...outcomes },
    spent_usd: spending === null ? null : usdText(spending.spent),
    held_usd: usdText(held),
    unpriced: spending?.unpriced ?? null,
    latency: latencies === null ? null : latenciesToWire(latencies),
  }
}

function latenciesToWire({ pairs, app, shadow }: NonNullable<ShadowFigures['latencies']>) {
  const toQuantiles = (found: typeof app): z.infer<typeof latency> =>
    found === null ? null : { p50_ms: found.p50, p95_ms: found.p95 }
  return { pairs, app: toQuantiles(app), shadow: toQuantiles(shadow) }
}

async function toWire({ db }: ShadowsApiDeps, row: ShadowRow): Promise<z.infer<typeof shadowSchema>> {
  return shadowToWire(row, await findReleasesById(db, row.projectId, [row.releaseId]))
}

function shadowToWire(
  row: ShadowRow,
  releases: ReadonlyMap<string, ReleaseRow>,
): z.infer<typeof shadowSchema> {
  const release = releases.get(row.releaseId)
  return {
    id: row.id,
    route: row.route,
    label: row.label,
    release: release === undefined ? row.releaseId : `r${release.number}`,
    release_id: row.releaseId,
    percent: row.share / 100,
    budget_usd: usdText(row.budget),
    allow_unpriced: row.allowUnpriced,
    reason: row.reason,
    // The table's CHECK holds them.
    state: row.state as z.infer<typeof shadowSchema>['state'],
    started_by: row.startedBy,
    started_by_name: row.startedByName,
    started_at: row.startedAt.toISOString(),
    ends_at: row.endsAt.toISOString(),
    stopped_by: row.stoppedBy,
    stopped_by_name: row.stoppedByName,
    stopped_at: row.stoppedAt?.toISOString() ?? null,
    stop_reason: row.stopReason,
  }
}
