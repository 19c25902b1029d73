/** What a prompt of a judge is: a text with a version of its own, and the form of the answer that it asks for. */

import type { z } from 'zod'

/** A text that judges are shown. Whoever changes it counts `version` up: a test holds the hash of every version. */
export type JudgeText = { name: string; version: number; text: string }

/** `answer` is also what goes out as JSON Schema: enums and plain types alone, as upstreams refuse bounds of texts and numbers. */
export type JudgePrompt<Answer> = JudgeText & { answer: z.ZodType<Answer> }

/**
 * The version of a kind that judges by prompts: that of its own rules, plus one for every time that any of its prompts was
 * counted up. So it counts up whenever one of them does, and never comes back to a number it had.
 */
export function versionWith(rules: number, ...parts: readonly { version: number }[]): number {
  return parts.reduce((sum, { version }) => sum + version - 1, rules)
}
