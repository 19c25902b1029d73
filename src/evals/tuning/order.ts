/** What is asked for when a model is to be trained: fixed once, as canonical JSON, and read back by whichever worker is at it. */

import { z } from 'zod'
import { TUNING_METHODS, type TuningMethod } from '../../providers/fine-tuning.ts'
import { type Content, contentOf } from '../../registry/content.ts'
import type { TrainingFormat } from '../datasets/fine-tuning.ts'

const dataset = z.strictObject({ id: z.string(), name: z.string(), version: z.int(), hash: z.string() })
const tuning = z.strictObject({
  /** Of the model whose next version it becomes. */
  name: z.string(),
  upstream: z.string(),
  model: z.string(),
  method: z.enum(TUNING_METHODS),
  dataset,
  validation: dataset.nullable(),
  epochs: z.int().nullable(),
  suffix: z.string().nullable(),
  seed: z.int().nullable(),
  licence: z.string().nullable(),
})
export type TuningContent = z.infer<typeof tuning>
export type TuningDataset = z.infer<typeof dataset>

const FORMATS: Readonly<Record<TuningMethod, TrainingFormat>> = { supervised: 'openai-ft', dpo: 'dpo' }

/** How a line of the file is written for a method. */
export function formatOf(method: TuningMethod): TrainingFormat {
  return FORMATS[method]
}

export function tuningContent(content: TuningContent): Content {
  return contentOf(content)
}

/** Of a row. Throws when it is none of this version's. */
export function parseTuning(stored: string): TuningContent {
  return tuning.parse(JSON.parse(stored))
}

export function datasetRef({ name, version }: Pick<TuningDataset, 'name' | 'version'>): string {
  return `${name}@${version}`
}
