/** Review queues, tasks, ratings and calibrations as /api shows them, and what is asked for. */

import { z } from '@hono/zod-openapi'
import { parseCalibration } from '../../evals/reviews/judge-evidence.ts'
import type { CalibrationRow, QueueContent, QueueRow } from '../../evals/reviews/queue-rows.ts'
import type { RatedTask } from '../../evals/reviews/rating-rows.ts'
import { parseQueueContent, type QueueProgress, type ReviewTask, saidIn } from '../../evals/reviews/review.ts'
import { judgedValue } from '../../evals/reviews/scale.ts'
import { stateOf } from '../../evals/reviews/truth.ts'
import { pathName, strictShape } from './validation.ts'

const anything = z.unknown().openapi({ type: 'object' })
const nameText = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
    'Write lower-case letters, digits and hyphens, at most 63.',
  )
const said = z.union([z.enum(['yes', 'no']), z.number().int()]).openapi({ example: 'yes' })
const note = z.string().max(2000).optional()

export const queueParam = z.object({ name: pathName('support-polite') })
export const taskParam = z.object({
  name: pathName('support-polite'),
  task: z.coerce
    .number({ error: 'Write the number of a task.' })
    .int()
    .min(1)
    .max(5_000)
    .openapi({ param: { name: 'task', in: 'path' } }),
})
export const queueBody = strictShape('field', {
  name: nameText,
  run: z.string().max(60),
  scorer: z.string().max(63).optional(),
  reviewers: z.number().int().min(1).max(9).default(2),
  tasks: z.number().int().min(1).max(5_000).default(100),
  decide: z.enum(['unanimous', 'majority']).default('unanimous'),
  seed: z.number().int().min(0).max(0xffff_ffff).default(1),
  question: z.string().trim().min(1).max(20_000).optional(),
})
export const ratingBody = strictShape('field', { value: said, note })
export const skipBody = strictShape('field', { reason: z.string().trim().min(1).max(500) })
export const importBody = strictShape('field', {
  ratings: z
    .array(
      strictShape('field', {
        item: z.string().min(1).max(200),
        repeat: z.number().int().min(0).max(1_000).default(0),
        reviewer: z.string().trim().min(1).max(100),
        value: said,
        note,
      }),
    )
    .min(1)
    .max(1_000),
})

const scaleSchema = z.union([
  z.object({ kind: z.literal('yes-no') }),
  z.object({ kind: z.literal('grades'), levels: z.number() }),
])
export const queueSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    run: z.string(),
    judge: z.object({ name: z.string(), kind: z.string(), version: z.number(), settings: anything }),
    rules_hash: z.string(),
    dataset: z.string(),
    scale: scaleSchema,
    question: z.string(),
    reviewers: z.number(),
    decide: z.enum(['unanimous', 'majority']),
    tasks: z.number(),
    drawn_from: z.number(),
    seed: z.number(),
    hash: z.string(),
    created_at: z.string(),
    created_by: z.string(),
    created_by_name: z.string().nullable(),
  })
  .openapi('ReviewQueue')
export const progressSchema = queueSchema
  .extend({
    progress: z.object({
      tasks: z.number(),
      begun: z.number(),
      open: z.number(),
      disputed: z.number(),
      settled: z.number(),
      ratings: z.number(),
      skips: z.number(),
    }),
  })
  .openapi('ReviewQueueProgress')
export const taskSchema = z
  .object({
    task: z.number(),
    item: z.string(),
    repeat: z.number(),
    question: z.string(),
    scale: scaleSchema,
    input: z.string(),
    messages: z.array(anything).nullable(),
    answer: z.string(),
    tool_calls: z.array(z.object({ name: z.string(), arguments: z.string() })),
    contexts: z.array(z.string()),
    expected: anything.nullable(),
  })
  .openapi('ReviewTask')
export const nextSchema = z.object({ task: taskSchema.nullable() }).openapi('NextReviewTask')
export const ratedSchema = z
  .object({ task: z.number(), value: said, note: z.string().nullable(), revision: z.number() })
  .openapi('Rating')
const heldRating = z.object({
  reviewer: z.string(),
  reviewer_name: z.string().nullable(),
  value: said,
  note: z.string().nullable(),
  revision: z.number(),
  at: z.string(),
})
export const disputesSchema = z
  .object({ data: z.array(taskSchema.extend({ ratings: z.array(heldRating) })) })
  .openapi('ReviewDisputes')
export const ratingsSchema = z
  .object({
    task: z.number(),
    item: z.string(),
    repeat: z.number(),
    state: z.enum(['open', 'disputed', 'settled']),
    truth: said.nullable(),
    judged: said.nullable(),
    ratings: z.array(heldRating.extend({ adjudicates: z.boolean() })),
    skips: z.number(),
  })
  .openapi('RatedTask')
export const importedSchema = z
  .object({ added: z.number(), unchanged: z.number() })
  .openapi('ImportedRatings')
export const calibrationSchema = z
  .object({
    id: z.string(),
    queue: z.string(),
    qualifies: z.boolean(),
    misses: z.array(z.string()),
    rules_hash: z.string(),
    hash: z.string(),
    content: z.record(z.string(), anything),
    created_at: z.string(),
    created_by: z.string(),
    created_by_name: z.string().nullable(),
  })
  .openapi('Calibration')

export function toQueue(row: QueueRow): z.infer<typeof queueSchema> {
  const { judge, dataset, scale, question, reviewers, decide, seed, drawnFrom } = parseQueueContent(row)
  return {
    id: row.id,
    name: row.name,
    run: row.runId,
    judge,
    rules_hash: row.rulesHash,
    dataset: `${dataset.name}@${dataset.version}`,
    scale: toScale(scale),
    question,
    reviewers,
    decide,
    tasks: row.tasks,
    drawn_from: drawnFrom,
    seed,
    hash: row.hash,
    created_at: row.createdAt,
    created_by: row.createdBy,
    created_by_name: row.createdByName,
  }
}

export function toQueueProgress(row: QueueRow, progress: QueueProgress): z.infer<typeof progressSchema> {
  return { ...toQueue(row), progress }
}

function toScale(scale: QueueContent['scale']): z.infer<typeof scaleSchema> {
  return scale.kind === 'yes-no' ? { kind: 'yes-no' } : scale
}

/** Nothing of what the judge said, nor of its settings beyond the question. */
export function toTask(
  { question, scale }: QueueContent,
  { number, itemId, repeat, sample, messages }: ReviewTask,
): z.infer<typeof taskSchema> {
  return {
    task: number,
    item: itemId,
    repeat,
    question,
    scale: toScale(scale),
    input: sample.input,
    messages: messages ?? null,
    answer: sample.output,
    tool_calls: [...sample.toolCalls],
    contexts: [...sample.contexts],
    expected: sample.expected,
  }
}

export function toRatings(
  content: QueueContent,
  ratings: RatedTask['ratings'],
): z.infer<typeof heldRating>[] {
  return ratings.map(({ person, name, value, note: of, revision, at }) => ({
    reviewer: person,
    reviewer_name: name,
    value: saidIn(content, value),
    note: of,
    revision,
    at,
  }))
}

export function toRatedTask(content: QueueContent, task: RatedTask): z.infer<typeof ratingsSchema> {
  const state = stateOf(task.ratings, content)
  const judged = task.judged === null ? null : judgedValue(content.scale, task.judged)
  const ratings = toRatings(content, task.ratings)
  return {
    task: task.number,
    item: task.itemId,
    repeat: task.repeat,
    state: state.state,
    truth: state.state === 'settled' ? saidIn(content, state.truth) : null,
    judged: judged === null ? null : saidIn(content, judged),
    ratings: ratings.map((rating, at) => ({ ...rating, adjudicates: task.ratings[at]?.place === 0 })),
    skips: task.skips,
  }
}

export function toCalibration(row: CalibrationRow): z.infer<typeof calibrationSchema> {
  const content = parseCalibration(row)
  return {
    id: row.id,
    queue: row.queue,
    qualifies: row.qualifies,
    misses: content.figures.misses,
    rules_hash: row.rulesHash,
    hash: row.hash,
    content,
    created_at: row.createdAt,
    created_by: row.createdBy,
    created_by_name: row.createdByName,
  }
}
