/** Orders to score live traffic as /api shows them, and what is asked for. */

import { z } from '@hono/zod-openapi'
import { type OrderContent, parseOrder } from '../../evals/online/order-content.ts'
import type { OrderRow } from '../../evals/online/order-rows.ts'
import type { OnlineCounts, OnlineValue } from '../../evals/online/score-rows.ts'
import { SKIP_REASONS } from '../../evals/online/skip-reasons.ts'
import { rulesHash } from '../../evals/runs/calibration.ts'
import { scorerShape } from '../../evals/suites/suite.ts'
import { parseUsd, usdText } from '../../lib/money.ts'
import { releaseText, routeName } from './releases.ts'
import { durationText, instantText, limitText, strictShape } from './validation.ts'

const DEFAULT_LIMIT = 1_000
const MAX_LIMIT = 100_000
/** Of one look at a release's traffic. */
const MAX_RELEASES = 8
const MAX_SCORERS = 20

export const orderBody = strictShape('field', {
  route: routeName,
  releases: z.array(releaseText).min(1).max(MAX_RELEASES),
  scorers: z.array(scorerShape).min(1).max(MAX_SCORERS).openapi({ type: 'array', items: {} }),
  /** Share of the requests. */
  sample: z.number().gt(0).max(1),
  /** Requests that began from then on; now when left out. */
  since: instantText.default('0s'),
  /** How long from now on. */
  for: durationText.default(86_400_000),
  limit: z.int().min(1).max(MAX_LIMIT).default(DEFAULT_LIMIT),
  budget_usd: z
    .union([z.string(), z.number()])
    .refine((value) => parseUsd(String(value)) !== null, 'Write an amount such as 2.50.')
    .optional(),
  purpose: z.string().trim().min(1).max(500).default('Quality of live answers'),
})
export const orderQuery = strictShape('filter', {
  route: routeName.optional(),
  limit: limitText,
  cursor: z.string().max(40).optional(),
})
export const valuesQuery = strictShape('filter', {
  release: releaseText,
  scorer: z.string().min(1).max(60),
  limit: z.coerce
    .number({ error: 'Write a whole number from 1.' })
    .int()
    .min(1)
    .max(MAX_LIMIT)
    .default(DEFAULT_LIMIT),
})

const orderShape = {
  id: z.string(),
  route: z.string(),
  releases: z.array(z.string()),
  scorers: z.array(z.string()),
  sample: z.number(),
  since: z.string(),
  until: z.string(),
  limit: z.number(),
  budget_usd: z.string().nullable(),
  spent_usd: z.string(),
  /** Judgements that cost something, and nobody knows how much. */
  unpriced: z.number(),
  purpose: z.string(),
  state: z.enum(['queued', 'running', 'done', 'stopped', 'failed']),
  error: z.string().nullable(),
  /** Requests that began before it have been looked at. */
  looked_to: z.string(),
  created_at: z.string(),
  created_by: z.string(),
  created_by_name: z.string().nullable(),
  finished_at: z.string().nullable(),
}
export const orderSchema = z.object(orderShape).openapi('OnlineOrder')
export const orderScoresSchema = z
  .object({
    ...orderShape,
    scores: z.array(
      z.object({
        release: z.string(),
        scorer: z.string(),
        kind: z.string(),
        scored: z.number(),
        abstained: z.number(),
        errors: z.number(),
        skipped: z.number(),
        /** Why, and how often. */
        skips: z.partialRecord(z.enum(Object.keys(SKIP_REASONS) as [string, ...string[]]), z.number()),
        /** Share of all that was sampled that has a score; null before the first. */
        coverage: z.number().nullable(),
        mean: z.number().nullable(),
      }),
    ),
  })
  .openapi('OnlineOrderScores')
export const valueSchema = z
  .object({
    request_id: z.string(),
    started_at: z.string(),
    value: z.number(),
    passed: z.boolean().nullable(),
  })
  .openapi('OnlineScore')

export function toOrder(row: OrderRow): z.infer<typeof orderSchema> {
  const { route, releases, scorers, sample, since, until, limit, budget, purpose } = parseOrder(row)
  return {
    id: row.id,
    route,
    releases: releases.map(({ number }) => `r${number}`),
    scorers: scorers.map(({ name }) => name),
    sample,
    since,
    until,
    limit,
    budget_usd: budget === null ? null : usdText(BigInt(budget)),
    spent_usd: usdText(BigInt(row.spent)),
    unpriced: row.unpriced,
    purpose,
    state: row.state,
    error: row.error,
    looked_to: row.lookedTo,
    created_at: row.createdAt,
    created_by: row.createdBy,
    created_by_name: row.createdByName,
    finished_at: row.finishedAt,
  }
}

/** Every release with every scorer, also where nothing was sampled yet. */
export function toOrderScores(
  row: OrderRow,
  counts: readonly OnlineCounts[],
): z.infer<typeof orderScoresSchema> {
  const { releases, scorers } = parseOrder(row)
  const scores = releases.flatMap((release) => scorers.map((scorer) => scoresOf(release, scorer, counts)))
  return { ...toOrder(row), scores }
}

function scoresOf(
  { id, number }: OrderContent['releases'][number],
  scorer: OrderContent['scorers'][number],
  counts: readonly OnlineCounts[],
) {
  const rules = rulesHash(scorer)
  const found = counts.find(({ releaseId, rulesHash: of }) => releaseId === id && of === rules)
  const { scored = 0, abstained = 0, errors = 0, skipped = 0, skips = {}, mean = null } = found ?? {}
  const sampled = scored + abstained + errors + skipped
  const coverage = sampled === 0 ? null : scored / sampled
  const { name, kind } = scorer
  return {
    release: `r${number}`,
    scorer: name,
    kind,
    scored,
    abstained,
    errors,
    skipped,
    skips,
    coverage,
    mean,
  }
}

export function toValue({ requestId, startedAt, value, passed }: OnlineValue): z.infer<typeof valueSchema> {
  return { request_id: requestId, started_at: startedAt, value, passed }
}
