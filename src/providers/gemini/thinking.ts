/**
 * `reasoning_effort` -> Gemini `thinkingConfig` (https://ai.google.dev/gemini-api/docs/thinking). Budgets and levels are
 * those of Google's own OpenAI endpoint (https://ai.google.dev/gemini-api/docs/openai#thinking).
 */

import type { JsonObject } from '../../lib/json.ts'
import { unsupported, wrongValue } from '../chat/fields.ts'
import type { Effort } from '../chat/read-parameters.ts'
import { generationOf } from './models.ts'

/** 24,576 tokens is the largest budget that every 2.5 model takes. */
const BUDGET_TOKENS: Readonly<Record<Effort, number>> = {
  none: 0,
  minimal: 1024,
  low: 1024,
  medium: 8192,
  high: 24_576,
  xhigh: 24_576,
  max: 24_576,
}

/** More than `high` does not exist, so it is the most there is. */
const LEVELS: Readonly<Record<Exclude<Effort, 'none'>, string>> = {
  minimal: 'minimal',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'high',
  max: 'high',
}

/** null: nothing to send. Thoughts are asked for whenever the caller asked for reasoning. */
export function toThinkingConfig(model: string, effort: Effort | null): JsonObject | null {
  if (effort === null) return null
  const generation = generationOf(model)
  if (generation === 'none') {
    if (effort === 'none') return null
    throw unsupported('reasoning_effort', `${model} does not reason; leave reasoning_effort out.`)
  }
  if (generation === 'budget') {
    return { thinkingBudget: BUDGET_TOKENS[effort], includeThoughts: effort !== 'none' }
  }
  if (effort === 'none') {
    throw wrongValue('reasoning_effort', `${model} cannot stop reasoning; the least it takes is "minimal".`)
  }
  return { thinkingLevel: LEVELS[effort], includeThoughts: true }
}
