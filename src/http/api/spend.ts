/** /api/spend: what requests cost by where they belong, and what the month will have cost. Unknown is counted apart, never as 0. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { Sql } from 'postgres'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { usdText } from '../../lib/money.ts'
import { keptSince, type RollupKeep } from '../../monitoring/rollups/retention.ts'
import { FORECAST_CONFIDENCE, type Forecast } from '../../monitoring/spend/forecast.ts'
import { forecastSpend, type Month, monthOf } from '../../monitoring/spend/forecast-spend.ts'
import {
  SPEND_GROUPS,
  type Spend,
  type SpendGroup,
  type SpendQuery,
  spendWindow,
  sumSpend,
} from '../../monitoring/spend/spend-rows.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import type { Recorder } from './recorder.ts'
import {
  answer,
  errorAnswers,
  instantText,
  purposeText,
  refuseInvalid,
  strictShape,
  toRange,
  written,
} from './validation.ts'

export type SpendApiDeps = {
  sql: Sql
  clock: Clock
  record: Recorder
  /** How long sums are kept. */
  keep: () => RollupKeep
}

const spendShape = {
  requests: z.number(),
  cost_usd: z.string(),
  /** Requests that say what they cost; and those that went to an upstream and do not. */
  priced: z.number(),
  unpriced: z.number(),
  /** Requests whose upstream told no tokens: they are not in the sums. */
  unknown_usage: z.number(),
  input_tokens: z.number(),
  cached_input_tokens: z.number(),
  output_tokens: z.number(),
  reasoning_tokens: z.number(),
}
const spendSchema = z
  .object({
    group: z.record(z.string(), z.string().nullable()),
    /** Of the whole cost; null when nothing has a price. */
    share: z.number().nullable(),
    ...spendShape,
  })
  .openapi('Spend')
const forecastSchema = z
  .object({
    month: z.string(),
    /** Null: `refused` says why. */
    total_usd: z.string().nullable(),
    low_usd: z.string().nullable(),
    high_usd: z.string().nullable(),
    confidence: z.number(),
    days: z.number().nullable(),
    refused: z.enum(['too_few_days', 'over']).nullable(),
  })
  .openapi('SpendForecast')

const isGroup = (word: string): word is SpendGroup => SPEND_GROUPS.some((group) => group === word)
const groupsText = z
  .string()
  .max(100)
  .transform((text, context) => {
    const words = [...new Set(text.split(','))]
    const groups = words.filter(isGroup)
    if (groups.length === words.length) return groups
    context.addIssue({ code: 'custom', message: `Write some of ${SPEND_GROUPS.join(', ')}, with commas.` })
    return z.NEVER
  })
  .openapi({ type: 'string', example: 'route,model' })
const monthText = z
  .string()
  .regex(/^20\d{2}-(0[1-9]|1[0-2])$/, 'Write a month such as 2026-11.')
  .openapi({ example: '2026-11' })
const value = z.string().min(1).max(256).optional()
const spendQuery = strictShape('filter', {
  group_by: groupsText.optional(),
  month: monthText.optional(),
  since: instantText.optional(),
  until: instantText.optional(),
  route: value,
  model: value,
  key: value,
  release: value,
  prompt: value,
  upstream: value,
  price: value,
  origin: z.enum(['app', 'shadow', 'replay', 'suite']).optional(),
  purpose: purposeText,
})

const spendRoute = createRoute({
  method: 'get',
  path: '/spend',
  middleware: requireRole('auditor', 'admin'),
  request: { query: spendQuery },
  responses: {
    200: answer(
      'The dearest first; has_more when there are over a thousand groups. The window is whole hours, or whole days when longer than three or of hours that are no longer kept.',
      z.object({
        data: z.array(spendSchema),
        has_more: z.boolean(),
        total: z.object(spendShape),
        since: z.string(),
        until: z.string(),
        forecast: forecastSchema,
      }),
    ),
    ...errorAnswers,
  },
})

const DAY_MS = 86_400_000
const USUAL_MS = 30 * DAY_MS

/** Routes under /api; authentication has already run. */
export function spendApi({ sql, clock, record, keep }: SpendApiDeps) {
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid }).openapi(spendRoute, async (c) => {
    const { purpose, ...query } = c.req.valid('query')
    const { group_by: groupBy = [], month: _month, since: _since, until: _until, ...filters } = query
    const nowMs = clock.nowMs()
    const { projectId } = c.var.key
    const where = filters as SpendQuery['where']
    const kept = keptSince(nowMs, keep())
    const asked = { ...rangeOf(query, nowMs), kept }
    const sums = await sumSpend(sql, { projectId, groupBy, where, ...asked })
    const month = monthOf(query.month ?? nowMs)
    const forecast = await forecastSpend(sql, { projectId, where, kept }, month, nowMs)
    const detail = { filters: written(query), rows: sums.rows.length }
    await record.access(c.var.key, { action: 'spend.show', purpose, detail })
    const { sinceMs, untilMs } = spendWindow(asked)
    return c.json(
      {
        data: sums.rows.map(({ group, ...spend }) => ({
          group,
          share: sums.total.cost === 0n ? null : Number(spend.cost) / Number(sums.total.cost),
          ...spendWire(spend),
        })),
        has_more: sums.more,
        total: spendWire(sums.total),
        since: new Date(sinceMs).toISOString(),
        until: new Date(untilMs).toISOString(),
        forecast: forecastWire(month, forecast),
      },
      200,
    )
  })
}

/** A month is all of it that there is so far; otherwise the 30 days before the end. Throws RequestError for what holds nothing. */
function rangeOf(
  query: { month?: string | undefined; since?: string | undefined; until?: string | undefined },
  nowMs: number,
): { sinceMs: number; untilMs: number } {
  if (query.month === undefined) {
    const { sinceMs: since, untilMs = nowMs } = toRange(query, nowMs)
    const sinceMs = since ?? Math.min(untilMs, nowMs) - USUAL_MS
    if (sinceMs > nowMs) {
      const message = 'since is in the future, where nothing has been spent. Name a time that is over.'
      throw new RequestError('invalid_value', message, { param: 'since' })
    }
    return { sinceMs, untilMs }
  }
  if (query.since !== undefined || query.until !== undefined) {
    throw new RequestError(
      'invalid_value',
      'A month has its own beginning and end. Leave out since and until, or month.',
      {
        param: 'month',
      },
    )
  }
  const { startMs, endMs } = monthOf(query.month)
  if (startMs > nowMs) {
    throw new RequestError('invalid_value', `${query.month} has not begun. Name this month, or one before.`, {
      param: 'month',
    })
  }
  return { sinceMs: startMs, untilMs: endMs }
}

function spendWire(spend: Spend): z.infer<z.ZodObject<typeof spendShape>> {
  return {
    requests: spend.requests,
    cost_usd: usdText(spend.cost),
    priced: spend.priced,
    unpriced: spend.unpriced,
    unknown_usage: spend.untold,
    input_tokens: spend.inputTokens,
    cached_input_tokens: spend.cachedInputTokens,
    output_tokens: spend.outputTokens,
    reasoning_tokens: spend.reasoningTokens,
  }
}

function forecastWire({ text }: Month, forecast: Forecast): z.infer<typeof forecastSchema> {
  const is = forecast.kind === 'forecast' ? forecast : null
  return {
    month: text,
    total_usd: is === null ? null : usdText(is.total),
    low_usd: is === null ? null : usdText(is.low),
    high_usd: is === null ? null : usdText(is.high),
    confidence: FORECAST_CONFIDENCE,
    days: is?.days ?? null,
    refused: forecast.kind === 'refused' ? forecast.reason : null,
  }
}
