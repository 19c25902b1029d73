/** /api/monitor/data: what comparisons of a route's traffic with its past found, and what its judges say of the same answers day by day. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { Sql } from 'postgres'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { type CheckRow, listChecks, readFindings } from '../../monitoring/data/check-rows.ts'
import { type Finding, verdictOf } from '../../monitoring/data/finding.ts'
import { queueCheck, WINDOWS } from '../../monitoring/data/queue-check.ts'
import { type JudgeCheck, listJudgeChecks } from '../../monitoring/data/sentinel-rows.ts'
import type { Ring } from '../../queue/jobs.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import { registryReaders } from './page.ts'
import type { Recorder } from './recorder.ts'
import {
  answer,
  conflictAnswer,
  errorAnswers,
  instantText,
  jsonBody,
  lengthText,
  purposeText,
  refuseInvalid,
  strictShape,
  toRange,
  written,
} from './validation.ts'

export type MonitorDataDeps = { sql: Sql; clock: Clock; record: Recorder; ring: Ring }

const MAX_CHECKS = 31
const MAX_JUDGE_ROWS = 200
const terms = z.array(z.object({ word: z.string(), z: z.number() }))
const findingSchema = z
  .object({
    feature: z.string(),
    method: z.string(),
    recent_size: z.number(),
    baseline_size: z.number(),
    seed: z.number(),
    statistic: z.number().nullable(),
    /** By permutation; adjusted for all tests of the comparison. Null where it is no test. */
    p: z.number().nullable(),
    adjusted_p: z.number().nullable(),
    /** How far the windows are apart in the test's measure, and from where on that is drift. */
    effect: z.number().nullable(),
    bar: z.number().nullable(),
    levels: z.object({ recent: z.number(), baseline: z.number() }).nullable(),
    verdict: z.enum(['drift', 'same', 'unknown']),
    reason: z.string().nullable(),
    /** Words of several people that tell the windows apart. */
    terms: z.object({ recent: terms, baseline: terms }).nullable(),
    /** Requests that could not be read, by why. */
    left: z.record(z.string(), z.number()).nullable(),
  })
  .openapi('DataFinding')
const checkSchema = z
  .object({
    id: z.string(),
    state: z.enum(['queued', 'running', 'done', 'failed']),
    verdict: z.enum(['drift', 'same', 'unknown']).nullable(),
    recent: z.object({ since: z.string(), until: z.string() }),
    baseline: z.object({ since: z.string(), until: z.string() }),
    /** Null when it was due by itself. */
    asked_by_name: z.string().nullable(),
    error: z.string().nullable(),
    created_at: z.string(),
    finished_at: z.string().nullable(),
    findings: z.array(findingSchema),
  })
  .openapi('DataCheck')
const shift = z.object({ mean: z.number(), low: z.number(), high: z.number() }).nullable()
const judgeSchema = z
  .object({
    order: z.string(),
    scorer: z.string(),
    day: z.string(),
    sentinels: z.number(),
    scored: z.number(),
    agreement: z.number().nullable(),
    judge_shift: shift,
    live_shift: shift,
    live_scored: z.number(),
    verdict: z.enum(['judge_drift', 'model_drift', 'both', 'neither', 'unknown']),
    reason: z.string(),
  })
  .openapi('JudgeCheck')
const routeText = z.string().min(1).max(200)
const readRoute = createRoute({
  method: 'get',
  path: '/monitor/data',
  middleware: requireRole(...registryReaders),
  request: {
    query: strictShape('filter', {
      route: routeText,
      since: instantText.default('7d'),
      purpose: purposeText,
    }),
  },
  responses: {
    200: answer(
      `Comparisons of the route, newest first, at most ${MAX_CHECKS}, and its judges' days.`,
      z.object({ route: z.string(), checks: z.array(checkSchema), judges: z.array(judgeSchema) }),
    ),
    ...errorAnswers,
  },
})
const startRoute = createRoute({
  method: 'post',
  path: '/monitor/data',
  middleware: requireRole('admin', 'engineer'),
  request: jsonBody(
    strictShape('field', {
      route: routeText,
      recent: lengthText.optional(),
      baseline: lengthText.optional(),
    }),
  ),
  responses: {
    201: answer('The comparison. A worker makes it, one at a time.', z.object({ id: z.string() })),
    409: conflictAnswer,
    ...errorAnswers,
  },
})

/** Routes under /api; authentication has already run. */
export function monitorDataApi({ sql, clock, record, ring }: MonitorDataDeps) {
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(readRoute, async (c) => {
      const { key } = c.var
      const { projectId } = key
      const { purpose, ...query } = c.req.valid('query')
      const { route, since } = query
      // Words that people used are among what was found.
      const read = { action: 'monitor.data', target: route, purpose, detail: { filters: written(query) } }
      await record.access(key, read)
      const { sinceMs = 0 } = toRange({ since }, clock.nowMs())
      const wanted = { projectId, route, sinceMs }
      const checks = await listChecks(sql, { ...wanted, limit: MAX_CHECKS })
      const ids = checks.map(({ id }) => id)
      const findings = await readFindings(sql, projectId, ids)
      const judges = await listJudgeChecks(sql, { ...wanted, limit: MAX_JUDGE_ROWS })
      return c.json(
        {
          route,
          checks: checks.map((check) => toCheck(check, findings.get(check.id) ?? [])),
          judges: judges.map(toJudge),
        },
        200,
      )
    })
    .openapi(startRoute, async (c) => {
      const { key } = c.var
      const { route, recent = WINDOWS.recentMs, baseline = WINDOWS.baselineMs } = c.req.valid('json')
      const windows = { recentMs: recent, baselineMs: baseline }
      await record.admin(key, { action: 'monitor.compare', target: route, detail: windows })
      const asked = { nowMs: clock.nowMs(), askedBy: { id: key.id, name: key.name }, windows }
      const id = await queueCheck(sql, { projectId: key.projectId, route }, asked)
      if (id === null) {
        const message = `A comparison of ${JSON.stringify(route)} waits already. aval monitor data ${route} shows it.`
        throw new RequestError('conflict', message, {
          param: 'route',
          headers: { 'x-should-retry': 'false' },
        })
      }
      await ring('compare-windows', {}, id)
      return c.json({ id }, 201)
    })
}

function toCheck(check: CheckRow, findings: readonly Finding[]) {
  const { baselineFromMs, recentFromMs, recentToMs } = check
  return {
    id: check.id,
    state: check.state,
    verdict: check.state === 'done' ? verdictOf(findings) : null,
    recent: { since: iso(recentFromMs), until: iso(recentToMs) },
    baseline: { since: iso(baselineFromMs), until: iso(recentFromMs) },
    asked_by_name: check.askedByName,
    error: check.error,
    created_at: iso(check.createdAtMs),
    finished_at: check.finishedAtMs === null ? null : iso(check.finishedAtMs),
    findings: findings.map(toFinding),
  }
}

function toFinding({
  recentSize,
  baselineSize,
  adjustedP,
  levels,
  terms: words,
  left,
  print: _,
  ...rest
}: Finding) {
  const copied = words === null ? null : { recent: [...words.recent], baseline: [...words.baseline] }
  return {
    ...rest,
    recent_size: recentSize,
    baseline_size: baselineSize,
    adjusted_p: adjustedP,
    levels,
    terms: copied,
    left,
  }
}

function toJudge({ orderId, rules: _, judge, live, liveScored, ...rest }: JudgeCheck) {
  return { order: orderId, ...rest, judge_shift: judge, live_shift: live, live_scored: liveScored }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
