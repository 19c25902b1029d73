/** One example of a dataset, as versions keep it and runs read it. */

import { z } from 'zod'
import type { JsonObject, JsonValue } from '../../lib/json.ts'
import { assertionsShape } from '../assertions.ts'

/** Of one item as canonical JSON. Larger ones belong into a source, and their passages into `contexts`. */
export const MAX_ITEM_BYTES = 1024 * 1024

const json = z.json() as unknown as z.ZodType<JsonValue>
const object = z.record(z.string(), z.json()) as unknown as z.ZodType<JsonObject>

/**
 * What an item may hold. It asks with `input` (one user message) or `messages`, with `variables` of the subject's prompt
 * (or with both, where the prompt has a slot for messages), or brings a recorded `output` that is only judged.
 */
export const itemShape = z.strictObject({
  /** Of one version; what results and diffs call it. */
  id: z.string().min(1).max(200),
  input: z.string().optional(),
  messages: z
    .array(z.looseObject({ role: z.string() }))
    .min(1)
    .max(2000)
    .optional(),
  variables: object.optional(),
  /** An answer that was recorded elsewhere. */
  output: z.string().optional(),
  expected: json.optional(),
  /** What this item alone demands of its answer; the scorer `assertions` judges by it. */
  assertions: assertionsShape.optional(),
  contexts: z.array(z.string()).max(200).optional(),
  metadata: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  /** The document, customer or template that several items are about: they are easy or hard together. */
  group: z.string().min(1).max(200).optional(),
  split: z.string().min(1).max(60).optional(),
  /** What people said of the recorded output, by the scorer it is about: 0…1, or null for “cannot tell”. */
  labels: z.record(z.string(), z.number().min(0).max(1).nullable()).optional(),
  /** The request it was made from. */
  source: z.strictObject({ request_id: z.string().max(40) }).optional(),
})

export type DatasetItem = z.output<typeof itemShape>
