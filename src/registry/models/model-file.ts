/**
 * A model file, `model-versions/<name>.yaml`: its text becomes a content, or sentences that say every mistake with its
 * path. Reads no disk and throws for nothing that a text can hold.
 */

import { z } from 'zod'
import { describeIssues } from '../../lib/schema-problems.ts'
import { parseYaml } from '../../lib/yaml.ts'
import { findForeign } from '../prompts/foreign-values.ts'
import { type ModelContent, modelContentShape, modelName } from './model-content.ts'

/** What `/api` takes. */
export const MAX_MODEL_FILE_BYTES = 64 * 1024
/** What a name has to be, for errors. */
export const MODEL_NAME_RULE = 'lower-case letters, digits, ".", "_" and "-", at most 63'

const modelFile = z.strictObject(modelContentShape)

export function isModelName(name: string): boolean {
  return modelName.safeParse(name).success
}

/** `where` begins every sentence: the file's path. */
export function readModelFile(
  where: string,
  text: string,
): { content: ModelContent } | { problems: readonly string[] } {
  if (Buffer.byteLength(text) > MAX_MODEL_FILE_BYTES) {
    return { problems: [`${where}: larger than ${MAX_MODEL_FILE_BYTES} bytes. Keep notes short.`] }
  }
  const read = parseYaml(text, where)
  if ('problems' in read) return read
  const { value } = read
  const foreign = findForeign(value)
  if (foreign !== null) return { problems: [`${where}: ${foreign}`] }
  if (typeof value === 'object' && value !== null && 'name' in value) {
    return { problems: [`${where}: name: the file's name is the model's. Take the line out.`] }
  }
  const parsed = modelFile.safeParse(value)
  if (parsed.success) return { content: parsed.data }
  return { problems: parsed.error.issues.flatMap((issue) => describe(where, value, issue)) }
}

/** Rules of our own say themselves what to write. */
function describe(where: string, value: unknown, issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'custom' || issue.code === 'invalid_format') {
    return [`${where}: ${issue.path.join('.')}: ${issue.message}`]
  }
  return describeIssues(where, modelFile, value, new z.ZodError([issue]))
}
