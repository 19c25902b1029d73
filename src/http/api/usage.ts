/** /api/usage: requests and tokens by key, project, route, upstream, model and day. Unknown is counted apart, never as 0. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { USAGE_GROUPS, type UsageGroup, type UsageQuery, type UsageRow } from '../../audit/usage/store.ts'
import type { Clock } from '../../lib/clock.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import type { Recorder } from './recorder.ts'
import { scopeOf } from './scope.ts'
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

export type UsageApiDeps = {
  clock: Clock
  record: Recorder
  sumUsage(query: UsageQuery): Promise<{ rows: UsageRow[]; more: boolean }>
}

const tokens = z.number().nullable()
const usageSchema = z
  .object({
    group: z.record(z.string(), z.string().nullable()),
    requests: z.number(),
    failed: z.number(),
    /** Requests whose upstream told no tokens: they are not in the sums. */
    unknown_usage: z.number(),
    input_tokens: tokens,
    output_tokens: tokens,
    cached_input_tokens: tokens,
    reasoning_tokens: tokens,
  })
  .openapi('Usage')
const isGroup = (word: string): word is UsageGroup => USAGE_GROUPS.some((group) => group === word)
const groupsText = z
  .string()
  .max(100)
  .default('model')
  .transform((text, context) => {
    const words = [...new Set(text.split(','))]
    const groups = words.filter(isGroup)
    if (groups.length === words.length) return groups
    context.addIssue({ code: 'custom', message: `Write some of ${USAGE_GROUPS.join(', ')}, with commas.` })
    return z.NEVER
  })
  .openapi({ type: 'string', example: 'model,day' })
const usageQuery = strictShape('filter', {
  group_by: groupsText,
  since: instantText.default('30d'),
  until: instantText.optional(),
  purpose: purposeText,
})

const usageRoute = createRoute({
  method: 'get',
  path: '/usage',
  middleware: requireRole('auditor', 'admin'),
  request: { query: usageQuery },
  responses: {
    200: answer(
      'The most requests first; has_more when there are over a thousand groups.',
      z.object({ data: z.array(usageSchema), has_more: z.boolean(), since: z.string(), until: z.string() }),
    ),
    ...errorAnswers,
  },
})

/** Routes under /api; authentication has already run. */
export function usageApi(deps: UsageApiDeps) {
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid }).openapi(usageRoute, async (c) => {
    const { purpose, ...query } = c.req.valid('query')
    const nowMs = deps.clock.nowMs()
    const { sinceMs = 0, untilMs = nowMs } = toRange(query, nowMs)
    const groupBy = query.group_by
    const sums = await deps.sumUsage({ scope: scopeOf(c.var.key.projectId), groupBy, sinceMs, untilMs })
    const detail = { filters: written(query), rows: sums.rows.length }
    await deps.record.access(c.var.key, { action: 'usage.show', purpose, detail })
    return c.json(
      {
        data: sums.rows.map(toWire),
        has_more: sums.more,
        since: new Date(sinceMs).toISOString(),
        until: new Date(untilMs).toISOString(),
      },
      200,
    )
  })
}

function toWire(row: UsageRow): z.infer<typeof usageSchema> {
  return {
    group: row.group,
    requests: row.requests,
    failed: row.failed,
    unknown_usage: row.unknownUsage,
    input_tokens: row.inputTokens,
    output_tokens: row.outputTokens,
    cached_input_tokens: row.cachedInputTokens,
    reasoning_tokens: row.reasoningTokens,
  }
}
