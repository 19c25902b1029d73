/** /api/alerts/rules: the rules of alerts as the files have them, where each is written, and how routes stand at its bar. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { Sql } from 'postgres'
import { metricOf } from '../../lib/watched-metrics.ts'
import type { Alert } from '../../monitoring/alerts/alert.ts'
import { listAlerts } from '../../monitoring/alerts/alert-rows.ts'
import { toMessageBar } from '../../monitoring/alerts/message.ts'
import { type AlertRule, ruleFits, ruleIsOf } from '../../monitoring/alerts/rules.ts'
import { barOf, hasOwnBar, type Standing } from '../../monitoring/bars/bar.ts'
import { readStandings } from '../../monitoring/bars/bar-rows.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import { barSchema, subjectSchema } from './alert-body.ts'
import { registryReaders } from './page.ts'
import { answer, errorAnswers, refuseInvalid } from './validation.ts'

export type AlertRulesApiDeps = {
  sql: Sql
  /** As the files have them now. */
  rules: () => readonly AlertRule[]
}

/** Open alerts among which those are counted that a rule is about. */
const MAX_OPEN = 1_000

const names = z.array(z.string()).nullable()
const standingSchema = z.object({
  subject: subjectSchema,
  state: z.enum(['ok', 'alert']),
  since: z.string(),
  /** Since when it has been where its state is not; null while it is not. */
  turning_since: z.string().nullable(),
  /** Of the newest window, in the bar's unit, and when that ended. */
  value: z.number(),
  at: z.string(),
})
const ruleSchema = z
  .object({
    name: z.string().nullable(),
    /** `alerts.rules.0` of aval.yaml, or a file beside it. */
    place: z.string(),
    projects: names,
    routes: names,
    upstreams: names,
    metrics: names,
    bar: barSchema.extend({ unit: z.string() }).nullable(),
    for_seconds: z.number(),
    remind_seconds: z.number().nullable(),
    channels: z.array(z.string()),
    /** Alerts that last and that it is about. */
    open: z.number(),
    /** Of a bar: whoever has had enough traffic in the last day. */
    standings: z.array(standingSchema),
  })
  .openapi('AlertRule')

const listRoute = createRoute({
  method: 'get',
  path: '/alerts/rules',
  middleware: requireRole(...registryReaders),
  responses: {
    200: answer('Those of your project, as they are written.', z.object({ data: z.array(ruleSchema) })),
    ...errorAnswers,
  },
})

/** Routes under /api; authentication has already run. */
export function alertRulesApi({ sql, rules }: AlertRulesApiDeps) {
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid }).openapi(listRoute, async (c) => {
    const { projectId } = c.var.key
    const open = await listAlerts(sql, { projectId, open: true, limit: MAX_OPEN })
    const standings = await readStandings(sql, projectId)
    const own = rules().filter((rule) => ruleIsOf(rule, projectId))
    return c.json({ data: own.map((rule) => toRule(rule, open, standings)) }, 200)
  })
}

function toRule(
  rule: AlertRule,
  open: readonly Alert[],
  standings: readonly Standing[],
): z.infer<typeof ruleSchema> {
  const bar = hasOwnBar(rule) ? barOf(rule) : null
  return {
    name: rule.name,
    place: rule.place,
    projects: listed(rule.projects),
    routes: listed(rule.routes),
    upstreams: listed(rule.upstreams),
    metrics: listed(rule.metrics),
    bar: bar === null ? null : { ...toMessageBar(bar), unit: metricOf(bar.metric).unit },
    for_seconds: (bar?.forMs ?? rule.forMs) / 1000,
    remind_seconds: rule.remindMs === null ? null : rule.remindMs / 1000,
    channels: [...rule.channels],
    open: open.filter((alert) => ruleFits(rule, alert)).length,
    standings: standings.filter((one) => bar !== null && one.bar.rule === bar.rule).map(toStanding),
  }
}

function toStanding(standing: Standing): z.infer<typeof standingSchema> {
  const { subject, state, sinceMs, turningMs, value, newestMs } = standing
  return {
    subject,
    state,
    since: iso(sinceMs),
    turning_since: turningMs === null ? null : iso(turningMs),
    value,
    at: iso(newestMs),
  }
}

function listed(given: readonly string[] | null): string[] | null {
  return given === null ? null : [...given]
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
