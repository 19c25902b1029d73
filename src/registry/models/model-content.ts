/**
 * What a model version holds: an upstream, its id of the model, and what is sent to it and known of it. The wire, the
 * files in `model-versions/` and the stored content spell it the same way. What nobody stated is null or absent: unknown.
 */

import { z } from 'zod'
import { RequestError } from '../../errors.ts'
import { nearest } from '../../lib/nearest.ts'
import { type Content, contentOf } from '../content.ts'
import {
  hasLoneSurrogate,
  isTooDeep,
  PARAMETER_DEPTH_MAX,
  PARAMETERS_MAX,
  whyNoParameter,
} from '../parameters.ts'

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/
const NAME_WORDS = 'Write lower-case letters, digits, ".", "_" and "-", at most 63.'

const flag = z.boolean().optional()
/** What a release may need of a model. True and false were stated by somebody; absent is unknown. */
const CAPABILITIES = {
  tools: flag,
  vision: flag,
  audio: flag,
  json: flag,
  streaming: flag,
  reasoning: flag,
  embeddings: flag,
  rerank: flag,
}

/** By name, in the order in which they are shown. */
export const CAPABILITY_NAMES: readonly string[] = Object.keys(CAPABILITIES)

const tokens = z.int().min(1).max(1_000_000_000).nullable().default(null)
const text = (maxLetters: number) => z.string().trim().min(1).max(maxLetters).nullable().default(null)

export const modelName = z.string().regex(NAME, NAME_WORDS)

/** Field by field, so that `/api` can describe and refuse each by its name. */
export const modelContentShape = {
  upstream: z.string().regex(NAME, NAME_WORDS),
  /** The upstream's id of the model. */
  model: z.string().trim().min(1).max(200),
  /** Sent where the caller, the route and the prompt say nothing. */
  parameters: z.record(z.string().min(1).max(100), z.unknown()).superRefine(refuseParameters).default({}),
  context_window: tokens,
  max_output_tokens: tokens,
  capabilities: z.strictObject(CAPABILITIES, { error: unknownCapability }).default({}),
  licence: text(200),
  notes: text(4000),
}

const trainingData = z.strictObject({
  /** `refunds@3` */
  dataset: z.string(),
  /** Of the dataset's version. */
  hash: z.string(),
  /** Lines of the file that went out, and its SHA-256: some items give none. */
  items: z.int(),
  digest: z.string(),
})
/** Where a model comes from that was trained here. Made by a fine-tuning that ended well, and stated by nobody. */
export const trainingShape = z.strictObject({
  fine_tune: z.string(),
  /** `upstream/model` */
  base_model: z.string(),
  method: z.string(),
  /** As the upstream says them. */
  hyperparameters: z.record(z.string(), z.union([z.string(), z.number()])),
  seed: z.int().nullable(),
  data: trainingData,
  validation: trainingData.nullable(),
  /** As the upstream calls its job. */
  job: z.string(),
  trained_tokens: z.int().nullable(),
})
export type ModelTraining = z.infer<typeof trainingShape>

/** Left out where it is not known, so that versions from before there was any keep their hash. */
const modelContent = z.strictObject({ ...modelContentShape, training: trainingShape.optional() })

export type ModelContent = z.infer<typeof modelContent>

/** The content as it is stored and hashed. Throws RequestError for a text that no database keeps as it is. */
export function modelContentOf(content: ModelContent): Content {
  if (hasLoneSurrogate(content)) {
    throw new RequestError('invalid_value', 'A text in it is not well-formed Unicode: half a surrogate pair.')
  }
  return contentOf(content)
}

/** A stored content, read back. Throws when it is none of this version's. */
export function readModelContent(stored: string): ModelContent {
  return modelContent.parse(JSON.parse(stored))
}

function unknownCapability(issue: { code?: string; keys?: readonly string[] }): string | undefined {
  if (issue.code !== 'unrecognized_keys') return undefined
  const known = Object.keys(CAPABILITIES)
  const name = issue.keys?.[0] ?? ''
  const meant = nearest(name, known)
  const hint = meant === null ? `Known: ${known.join(', ')}.` : `Did you mean "${meant}"?`
  return `Unknown capability "${name.slice(0, 60)}". ${hint}`
}

function refuseParameters(parameters: Readonly<Record<string, unknown>>, context: z.RefinementCtx): void {
  const names = Object.keys(parameters)
  if (names.length > PARAMETERS_MAX) {
    context.addIssue({ code: 'custom', message: `${names.length} parameters; at most ${PARAMETERS_MAX}.` })
  }
  for (const name of names) {
    const why = whyNoParameter(name)
    if (why !== null) {
      context.addIssue({ code: 'custom', path: [name], message: `Not a default of a model: ${why}.` })
    } else if (isTooDeep(parameters[name])) {
      context.addIssue({
        code: 'custom',
        path: [name],
        message: `Nested deeper than ${PARAMETER_DEPTH_MAX} levels.`,
      })
    }
  }
}
