/** /api/monitor/explain: why a metric changed, for an alert or for any moment. Figures of the log, so the read is recorded. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { Sql } from 'postgres'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { nearest } from '../../lib/nearest.ts'
import type { Subject } from '../../monitoring/alerts/alert.ts'
import { readAlert } from '../../monitoring/alerts/alert-rows.ts'
import { EXPLAINED_METRICS, explainAlert, explainChange } from '../../monitoring/explain/explain.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import { explanationSchema, toExplanation } from './explanation-body.ts'
import { registryReaders } from './page.ts'
import type { Recorder } from './recorder.ts'
import {
  answer,
  errorAnswers,
  instantText,
  LEAST_LENGTH_MS,
  lengthText,
  purposeText,
  refuseInvalid,
  strictShape,
  toRange,
  written,
} from './validation.ts'

export type MonitorExplainDeps = { sql: Sql; clock: Clock; record: Recorder }

const MINUTE_MS = 60_000

const metricText = z
  .string()
  .max(100)
  .refine((text) => EXPLAINED_METRICS.includes(text) || /^score:.+/.test(text), {
    error: ({ input }) => {
      const meant = nearest(String(input), EXPLAINED_METRICS)
      const hint =
        meant === null
          ? `Write one of ${EXPLAINED_METRICS.join(', ')}, or score:NAME.`
          : `Did you mean "${meant}"?`
      return `There is no metric "${String(input).slice(0, 60)}". ${hint}`
    },
  })
const explainQuery = strictShape('filter', {
  alert: z.string().max(200).optional().openapi({ description: 'alr_…; then nothing else is asked.' }),
  route: z.string().max(200).optional(),
  upstream: z.string().max(200).optional(),
  metric: metricText.default('cost_per_request').openapi({ example: 'cost_per_request' }),
  at: instantText
    .optional()
    .openapi({ description: 'When it began; left out, the length of the window after ago.' }),
  before: lengthText.optional().openapi({
    description: 'Length of the window before; left out, what is usual is chosen and said.',
  }),
  after: lengthText.default(86_400_000),
  purpose: purposeText,
})
const explainRoute = createRoute({
  method: 'get',
  path: '/monitor/explain',
  middleware: requireRole(...registryReaders),
  request: { query: explainQuery },
  responses: {
    200: answer(
      'Why it changed: causes that add up to the difference, what was changed nearby, and which traffic moved most.',
      z.object({
        alert: z.string().nullable(),
        subject: z.object({ kind: z.enum(['route', 'upstream']), name: z.string() }),
        metric: z.string(),
        explanation: explanationSchema,
      }),
    ),
    ...errorAnswers,
  },
})
type Query = z.infer<typeof explainQuery>

/** Routes under /api; authentication has already run. */
export function monitorExplainApi(deps: MonitorExplainDeps) {
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid }).openapi(explainRoute, async (c) => {
    const { purpose, ...query } = c.req.valid('query')
    const { key } = c.var
    const found =
      query.alert === undefined
        ? await ofMoment(deps, key.projectId, query)
        : await ofAlert(deps, key.projectId, query.alert)
    const target = found.alert ?? found.subject.name
    await deps.record.access(key, {
      action: 'monitor.explain',
      target,
      purpose,
      detail: { filters: written(query) },
    })
    return c.json({ ...found, explanation: toExplanation(found.explanation) }, 200)
  })
}

async function ofAlert({ sql }: MonitorExplainDeps, projectId: string, id: string) {
  const alert = await readAlert(sql, projectId, id)
  if (alert === null) {
    throw new RequestError(
      'not_found',
      `There is no alert "${id.slice(0, 60)}". aval alerts list shows them.`,
      {
        param: 'alert',
      },
    )
  }
  const explanation = alert.explanation ?? (await explainAlert(sql, alert))
  return { alert: alert.id, subject: alert.subject, metric: alert.metric, explanation }
}

async function ofMoment({ sql, clock }: MonitorExplainDeps, projectId: string, query: Query) {
  const subject = subjectOf(query)
  const toMinute = (ms: number) => Math.floor(ms / MINUTE_MS) * MINUTE_MS
  const nowMs = clock.nowMs()
  const { sinceMs = nowMs - query.after } = toRange({ since: query.at }, nowMs)
  const fromMs = toMinute(sinceMs)
  const after = { fromMs, toMs: Math.min(fromMs + query.after, toMinute(nowMs)) }
  if (after.toMs - after.fromMs < LEAST_LENGTH_MS) {
    const message = 'at is not five minutes ago, so there is nothing to compare yet. Give an earlier moment.'
    throw new RequestError('invalid_value', message, { param: 'at' })
  }
  const before = query.before === undefined ? null : { fromMs: fromMs - query.before, toMs: fromMs }
  const question = { projectId, subject, metric: query.metric, beganAtMs: fromMs, before, after }
  return { alert: null, subject, metric: query.metric, explanation: await explainChange(sql, question) }
}

function subjectOf({ route, upstream }: Query): Subject {
  if (route !== undefined && upstream === undefined) return { kind: 'route', name: route }
  if (upstream !== undefined && route === undefined) return { kind: 'upstream', name: upstream }
  throw new RequestError('invalid_value', 'Give one of alert, route and upstream.', { param: 'route' })
}
