/** Runs of suites as /api shows them, and what is asked for. */

import { z } from '@hono/zod-openapi'
import type { BatchRow } from '../../evals/runs/batches/batch-rows.ts'
import type { RunCounts, TakenOver } from '../../evals/runs/count-results.ts'
import type { PlannedRun } from '../../evals/runs/create-run.ts'
import type { JudgedRow } from '../../evals/runs/result-rows.ts'
import { parseRunContent } from '../../evals/runs/run-content.ts'
import type { RunRow } from '../../evals/runs/run-rows.ts'
import type { There } from '../../evals/runs/taken-over/count-there.ts'
import { type Suite, suiteShape, toSuite } from '../../evals/suites/suite.ts'
import { parseUsd, usdText } from '../../lib/money.ts'
import { limitText, refuseInvalid, strictShape } from './validation.ts'

const anything = z.unknown().openapi({ type: 'object' })
const tag = z.string().regex(/^[\w.:-]{1,60}$/, 'Write letters, digits, . : _ and -, at most 60.')
const amount = z
  .union([z.string(), z.number()])
  .refine((value) => parseUsd(String(value)) !== null, 'Write an amount such as 2.50.')
const pointer = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'Write r12, or a label.')

const wish = {
  name: z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'Write the name of a suite.'),
  suite: z.record(z.string(), z.unknown()).openapi({ type: 'object' }),
  release: pointer.optional(),
  against: z
    .string()
    .regex(/^(?:run_[0-9a-z]{26}|[a-z0-9][a-z0-9-]{0,62})$/, 'Write a label, r12, or run_….')
    .optional(),
}
export const planBody = strictShape('field', wish)
export const runBody = strictShape('field', {
  ...wish,
  tags: z.array(tag).max(20).default([]),
  note: z.string().max(2000).optional(),
  git_commit: z
    .string()
    .regex(/^[0-9a-f]{7,64}(?:-dirty)?$/, 'Write the hash of a commit.')
    .optional(),
  idempotency_key: z.string().min(1).max(200).optional(),
})
export const resumeBody = strictShape('field', {
  budget_usd: amount.optional(),
  retry_errors: z.boolean().default(false),
})
export const annotateBody = strictShape('field', {
  tags: z.array(tag).max(20).optional(),
  note: z.string().max(2000).optional(),
})
export const listQuery = strictShape('filter', {
  suite: z.string().max(63).optional(),
  subject: z.string().max(300).optional(),
  tag: tag.optional(),
  limit: limitText,
  cursor: z.string().max(40).optional(),
})

export const runSchema = z
  .object({
    id: z.string(),
    suite: z.string(),
    subject: z.string(),
    dataset: z.string(),
    state: z.enum(['queued', 'running', 'done', 'stopped', 'cancelled', 'failed']),
    error: z.string().nullable(),
    items: z.number(),
    repeats: z.number(),
    scorers: z.array(z.string()),
    budget_usd: z.string().nullable(),
    hash: z.string(),
    measure_hash: z.string(),
    tags: z.array(z.string()),
    note: z.string().nullable(),
    git_commit: z.string().nullable(),
    /** Asked in batches; and until when it rests while one is under way, null while it does not. */
    batch: z.boolean(),
    /** Up to what age answers of earlier runs are taken over, in seconds; null where all is asked anew. */
    cache_max_age_s: z.number().nullable(),
    waits_until: z.string().nullable(),
    created_at: z.string(),
    created_by: z.string(),
    created_by_name: z.string().nullable(),
    finished_at: z.string().nullable(),
  })
  .openapi('EvalRun')
const takenOverSchema = z
  .object({
    answers: z.number(),
    judgements: z.number(),
    /** What they had cost, and of how many nobody knows. */
    saved_usd: z.string(),
    saved_unpriced: z.number(),
    /** When the oldest of them was made. */
    oldest_at: z.string(),
  })
  .nullable()
const thereSchema = z
  .object({
    /** Of `of` that were looked at; both null where the subject may be somebody else tomorrow, so that all is asked anew. */
    answers: z.number().nullable(),
    of: z.number().nullable(),
    max_age_s: z.number(),
  })
  .nullable()
export const progressSchema = runSchema
  .extend({
    progress: z.object({
      total: z.number(),
      answered: z.number(),
      failed: z.number(),
      judged: z.number(),
      abstained: z.number(),
      errors: z.number(),
      cost_usd: z.string(),
      unpriced: z.number(),
      /** From earlier runs; null when all is the run's own. */
      taken_over: takenOverSchema,
      waits_for: z.string().nullable(),
    }),
    /** The last batch that was made; null without one. */
    last_batch: z
      .object({
        part: z.number(),
        state: z.enum(['preparing', 'prepared', 'submitting', 'submitted', 'ended']),
        upstream: z.string(),
        batch_id: z.string().nullable(),
        status: z.string().nullable(),
        requests: z.number(),
        completed: z.number().nullable(),
        failed: z.number().nullable(),
        deadline: z.string().nullable(),
        note: z.string().nullable(),
      })
      .nullable(),
  })
  .openapi('EvalRunProgress')
export const planSchema = z
  .object({
    subject: z.string(),
    hash: z.string(),
    run_id: z.string().nullable(),
    dataset: z.string(),
    items: z.number(),
    repeats: z.number(),
    /** Left to make. */
    calls: z.number(),
    /** Answers of earlier runs that are there; null where none are taken over. */
    taken_over: thereSchema,
    cost_usd: z.string().nullable(),
    cost_rests: z.string(),
    sees: z.array(z.object({ scorer: z.string(), difference: z.number().nullable() })),
    baseline: z
      .object({
        subject: z.string(),
        run_id: z.string().nullable(),
        calls: z.number(),
        taken_over: thereSchema,
      })
      .nullable(),
  })
  .openapi('EvalPlan')
export const madeSchema = z.object({ run: runSchema, baseline: runSchema.nullable() }).openapi('MadeEvalRun')
export const reportSchema = z.record(z.string(), anything).openapi('EvalReport')
export const resultSchema = z
  .object({
    item: z.string(),
    position: z.number(),
    repeat: z.number(),
    outcome: z.enum(['answered', 'failed']),
    request_id: z.string().nullable(),
    output: z.string().nullable(),
    finish_reason: z.string().nullable(),
    latency_ms: z.number().nullable(),
    /** Paid by this run: nothing for an answer that was taken over, and then `saved_usd` is what it had cost. */
    cost_usd: z.string().nullable(),
    saved_usd: z.string().nullable(),
    /** The request that it was taken over from, and when that was answered; null for an answer of this run's own. */
    cached_from: z.string().nullable(),
    cached_at: z.string().nullable(),
    error_code: z.string().nullable(),
    error: z.string().nullable(),
    tries: z.number(),
    scores: z.array(
      z.object({
        scorer: z.string(),
        version: z.number(),
        outcome: z.enum(['scored', 'abstained', 'error']),
        value: z.number().nullable(),
        passed: z.boolean().nullable(),
        reason: z.string(),
        details: anything.nullable(),
        /** The run that it was taken over from, and when it was made there; null for a judgement of this run's own. */
        cached_from: z.string().nullable(),
        cached_at: z.string().nullable(),
      }),
    ),
  })
  .openapi('EvalResult')

/**
 * A suite as it was sent. Its shape is that of the files, which knows nothing of OpenAPI. Throws RequestError for the first
 * mistake, with its place.
 */
export function suiteOf(name: string, suite: unknown): Suite {
  const read = z.object({ suite: suiteShape }).safeParse({ suite })
  refuseInvalid(read)
  return toSuite(name, (read.data as { suite: z.output<typeof suiteShape> }).suite)
}

export function toRun(row: RunRow): z.infer<typeof runSchema> {
  const content = parseRunContent(row.content)
  return {
    id: row.id,
    suite: row.suite,
    subject: row.subject,
    dataset: `${content.dataset.name}@${content.dataset.version}`,
    state: row.state,
    error: row.error,
    items: row.items,
    repeats: row.repeats,
    scorers: content.scorers.map(({ name }) => name),
    budget_usd: row.budget === null ? null : usdText(BigInt(row.budget)),
    hash: row.hash,
    measure_hash: row.measureHash,
    tags: JSON.parse(row.tags) as string[],
    note: row.note,
    git_commit: row.gitCommit,
    batch: content.batch === true,
    cache_max_age_s: content.cache === undefined ? null : content.cache.maxAgeMs / 1000,
    waits_until: row.wakesAt,
    created_at: row.createdAt,
    created_by: row.createdBy,
    created_by_name: row.createdByName,
    finished_at: row.finishedAt,
  }
}

/** `waits` is why it goes slowly, as `waitsFor` says it. */
export function toProgress(
  row: RunRow,
  counts: RunCounts,
  { batch, waits }: { batch: BatchRow | null; waits: string | null },
): z.infer<typeof progressSchema> {
  const { cost, unpricedAnswers: _, takenOver, ...rest } = counts
  return {
    ...toRun(row),
    progress: {
      ...rest,
      total: row.items * row.repeats,
      cost_usd: usdText(BigInt(cost)),
      taken_over: takenOver === null ? null : toTakenOver(takenOver),
      waits_for: waits,
    },
    last_batch: batch === null ? null : toBatch(batch),
  }
}

function toTakenOver({ answers, judgements, saved, savedUnpriced, oldestAt }: TakenOver) {
  const price = { saved_usd: usdText(BigInt(saved)), saved_unpriced: savedUnpriced }
  return { answers, judgements, ...price, oldest_at: oldestAt }
}

/** `there` null where nobody can tell. */
export function toThere(
  { content: { cache } }: PlannedRun,
  there: There | null,
): z.infer<typeof thereSchema> {
  if (cache === undefined) return null
  return { answers: there?.answers ?? null, of: there?.of ?? null, max_age_s: cache.maxAgeMs / 1000 }
}

function toBatch(batch: BatchRow): NonNullable<z.infer<typeof progressSchema>['last_batch']> {
  const { part, state, upstream, batchId, status, requests, completed, failed, deadline, note } = batch
  return { part, state, upstream, batch_id: batchId, status, requests, completed, failed, deadline, note }
}

export function toResult({ itemId, result, scores }: JudgedRow): z.infer<typeof resultSchema> {
  return {
    item: itemId,
    position: result.position,
    repeat: result.repeat,
    outcome: result.outcome,
    request_id: result.requestId,
    output: result.output,
    finish_reason: result.finishReason,
    latency_ms: result.latencyMs,
    cost_usd: result.cachedFrom !== null ? '0' : usdOf(result.cost),
    saved_usd: result.cachedFrom === null ? null : usdOf(result.cost),
    cached_from: result.cachedFrom,
    cached_at: result.cachedAt,
    error_code: result.errorCode,
    error: result.error,
    tries: result.tries,
    scores: scores.map(({ details, cachedFrom, cachedAt, ...score }) => ({
      ...score,
      cached_from: cachedFrom,
      cached_at: cachedAt,
      details: details === null ? null : (JSON.parse(details) as unknown),
    })),
  }
}

function usdOf(cost: string | null): string | null {
  return cost === null ? null : usdText(BigInt(cost))
}
