/**
 * What differs between Claude generations, decided from the model id alone, and the model list. Ids nobody here has
 * seen count as the newest generation: that is where the API is going.
 */

import type { JsonObject } from '../../lib/json.ts'
import { objectsOf, textOf } from '../chat/upstream-json.ts'
import type { UpstreamModel } from '../provider.ts'

/** Claude 2 to 4.5: reasoning has a token budget. Later ones decide themselves, guided by an effort. */
const BUDGET_GENERATION =
  /(?:^|[./])claude-(?:instant|2|3|(?:opus|sonnet|haiku)-4(?:-[0-5])?(?:-\d{8})?(?:[@:].*|-v\d.*)?$)/

/** Claude 2 to 4.1: no structured outputs (https://platform.claude.com/docs/en/build-with-claude/structured-outputs). */
const UNSTRUCTURED_GENERATION =
  /(?:^|[./])claude-(?:instant|2|3|(?:opus|sonnet)-4(?:-[01])?(?:-\d{8})?(?:[@:].*|-v\d.*)?$)/

/** The first Claude 3 models answer at most 4,096 tokens and refuse a higher `max_tokens`. */
const SHORT_ANSWERS = /(?:^|[./])claude-(?:instant|2|3-(?:opus|sonnet|haiku))/

/** Claude 3.7 was the first that reasons. */
const UNREASONING = /(?:^|[./])claude-(?:instant|2|3-(?:opus|sonnet|haiku|5))/

export function canReason(model: string): boolean {
  return !UNREASONING.test(model)
}

export function takesThinkingBudget(model: string): boolean {
  return BUDGET_GENERATION.test(model)
}

export function hasStructuredOutputs(model: string): boolean {
  return !UNSTRUCTURED_GENERATION.test(model)
}

/**
 * `max_tokens` is required by the API and optional on OpenAI's wire. Too low cuts answers short, visibly
 * (`finish_reason: length`); too high is refused by older models. 8,192 fits every model but the first Claude 3.
 */
export function defaultMaxTokens(model: string): number {
  return SHORT_ANSWERS.test(model) ? 4096 : 8192
}

/** https://platform.claude.com/docs/en/api/models-list: `{data:[{id, created_at, display_name, type}]}`. */
export function readModels(body: JsonObject): UpstreamModel[] {
  return objectsOf(body.data)
    .filter((model) => textOf(model.id) !== '')
    .map((model) => {
      const createdMs = Date.parse(textOf(model.created_at))
      return {
        id: textOf(model.id),
        ownedBy: 'anthropic',
        created: Number.isNaN(createdMs) ? 0 : Math.floor(createdMs / 1000),
      }
    })
}
