/** Models in training as /api shows them, and what is asked for. */

import { z } from '@hono/zod-openapi'
import type { TuningPlan, TuningWish } from '../../evals/tuning/create-tuning.ts'
import { datasetRef, parseTuning } from '../../evals/tuning/order.ts'
import type { FileFigures } from '../../evals/tuning/training-file.ts'
import type { TuningRow } from '../../evals/tuning/tuning-rows.ts'
import { TUNING_METHODS } from '../../providers/fine-tuning.ts'
import { modelName } from '../../registry/models/model-content.ts'
import { limitText, strictShape } from './validation.ts'

const reference = z.string().min(1).max(80).openapi({ example: 'refunds@3' })
const wish = {
  dataset: reference,
  validation: reference.optional(),
  /** `upstream/model` */
  model: z.string().min(3).max(264).openapi({ example: 'openai/gpt-4.1-mini-2025-04-14' }),
  /** Of the model whose next version it becomes. */
  as: modelName,
  method: z.enum(TUNING_METHODS).default('supervised'),
  epochs: z.int().min(1).max(50).optional(),
  suffix: z
    .string()
    .regex(/^[\w.-]{1,64}$/, 'Write letters, digits, "_", "." and "-", at most 64.')
    .optional(),
  seed: z.int().min(0).max(2_147_483_647).optional(),
  licence: z.string().trim().min(1).max(200).optional(),
}
export const planBody = strictShape('field', wish)
export const createBody = strictShape('field', {
  ...wish,
  purpose: z.string().trim().min(1).max(500),
  idempotency_key: z.string().min(1).max(200).optional(),
})
const states = ['queued', 'running', 'done', 'cancelled', 'failed'] as const
export const listQuery = strictShape('filter', {
  as: z.string().max(63).optional(),
  state: z.enum(states).optional(),
  limit: limitText,
  cursor: z.string().max(40).optional(),
})

const figures = {
  dataset: z.string(),
  dataset_hash: z.string(),
  items: z.number(),
  bytes: z.number(),
  characters: z.number(),
  /** Estimated. */
  tokens: z.number(),
  left: z.array(z.object({ reason: z.string(), count: z.number(), example: z.string() })),
}
const figuresSchema = z.object(figures).openapi('TrainingFigures')
export const planSchema = z
  .object({
    model: z.string(),
    as: z.string(),
    method: z.enum(TUNING_METHODS),
    epochs: z.number().nullable(),
    training: figuresSchema,
    validation: figuresSchema.nullable(),
    problem: z.string().nullable(),
  })
  .openapi('FineTunePlan')

const fileSchema = z
  .object({ file: z.string(), digest: z.string(), items: z.number() })
  .nullable()
  .openapi('TrainingFile')
export const fineTuneSchema = z
  .object({
    id: z.string(),
    as: z.string(),
    model: z.string(),
    method: z.enum(TUNING_METHODS),
    dataset: z.string(),
    dataset_hash: z.string(),
    validation: z.string().nullable(),
    epochs: z.number().nullable(),
    suffix: z.string().nullable(),
    seed: z.number().nullable(),
    licence: z.string().nullable(),
    purpose: z.string(),
    items: z.number(),
    tokens: z.number(),
    state: z.enum(states),
    phase: z.enum(['prepared', 'submitting', 'submitted']),
    cancelling: z.boolean(),
    error: z.string().nullable(),
    /** What went out, by the upstream's ids; null before. */
    training_file: fileSchema,
    validation_file: fileSchema,
    job: z.string().nullable(),
    upstream_status: z.string().nullable(),
    said: z.string().nullable(),
    trained_tokens: z.number().nullable(),
    estimated_finish: z.string().nullable(),
    next_look: z.string().nullable(),
    deadline: z.string().nullable(),
    tuned_model: z.string().nullable(),
    /** `refunds-ft@1`: the version that it became. */
    model_version: z.string().nullable(),
    created_at: z.string(),
    created_by: z.string(),
    created_by_name: z.string().nullable(),
    finished_at: z.string().nullable(),
  })
  .openapi('FineTune')

export function wishOf(body: z.infer<typeof planBody>): TuningWish {
  const { as: name, dataset, validation, model, method, epochs, suffix, seed, licence } = body
  return {
    name,
    dataset,
    validation: validation ?? null,
    model,
    method,
    epochs: epochs ?? null,
    suffix: suffix ?? null,
    seed: seed ?? null,
    licence: licence ?? null,
  }
}

export function toPlan({ content, training, validation, problem }: TuningPlan): z.infer<typeof planSchema> {
  const { upstream, model, name, method, epochs, dataset } = content
  const figuresOf = (data: typeof dataset, of: FileFigures) => ({
    dataset: datasetRef(data),
    dataset_hash: data.hash,
    ...of,
  })
  return {
    model: `${upstream}/${model}`,
    as: name,
    method,
    epochs,
    training: figuresOf(dataset, training),
    validation:
      content.validation === null || validation === null ? null : figuresOf(content.validation, validation),
    problem,
  }
}

export function toFineTune(row: TuningRow): z.infer<typeof fineTuneSchema> {
  const { method, dataset, validation, epochs, suffix, seed, licence } = parseTuning(row.content)
  const isOver = row.finishedAt !== null
  return {
    id: row.id,
    as: row.name,
    model: `${row.upstream}/${row.model}`,
    method,
    dataset: datasetRef(dataset),
    dataset_hash: dataset.hash,
    validation: validation === null ? null : datasetRef(validation),
    epochs,
    suffix,
    seed,
    licence,
    purpose: row.purpose,
    items: row.items,
    tokens: row.tokens,
    state: row.state,
    phase: row.phase,
    cancelling: row.cancellingAt !== null && !isOver,
    error: row.error,
    training_file: fileOf(row.trainingFile, row.trainingDigest, row.trainingItems),
    validation_file: fileOf(row.validationFile, row.validationDigest, row.validationItems),
    job: row.jobId,
    upstream_status: row.status,
    said: row.said,
    trained_tokens: row.trainedTokens,
    estimated_finish: row.estimatedFinish,
    next_look: isOver ? null : row.wakesAt,
    deadline: isOver ? null : row.deadline,
    tuned_model: row.tunedModel,
    model_version: row.modelVersion === null ? null : `${row.name}@${row.modelVersion}`,
    created_at: row.createdAt,
    created_by: row.createdBy,
    created_by_name: row.createdByName,
    finished_at: row.finishedAt,
  }
}

function fileOf(file: string | null, digest: string | null, items: number | null) {
  return file === null ? null : { file, digest: digest ?? '', items: items ?? 0 }
}
