/**
 * `reasoning_effort` -> Anthropic `thinking`, `output_config.effort` and `max_tokens`, with the constraints that the
 * API puts on the rest of the request (https://platform.claude.com/docs/en/build-with-claude/extended-thinking, …/adaptive-thinking).
 */

import type { JsonObject } from '../../lib/json.ts'
import { unsupported, wrongValue } from '../chat/fields.ts'
import { type Effort, readMaxTokens } from '../chat/read-parameters.ts'
import type { ToolChoice } from '../chat/read-tools.ts'
import { canReason, defaultMaxTokens, takesThinkingBudget } from './models.ts'

/** The API takes no smaller budget. */
const BUDGET_MIN_TOKENS = 1024

/** Tokens to think with. Powers of two up to what the smallest answer limit of a thinking model (32k) leaves room for. */
const BUDGET_TOKENS: Readonly<Record<Exclude<Effort, 'none'>, number>> = {
  minimal: 1024,
  low: 2048,
  medium: 8192,
  high: 16_384,
  xhigh: 20_480,
  max: 23_552,
}

/** `thinks` tells the other mappings that temperature, forced tools and the like are limited. */
type Reasoning = {
  thinks: boolean
  maxTokens: number
  thinking: JsonObject | null
  effort: string | null
}

/** `canResume` false: the client lost the thoughts a running tool loop began with (see `mayThink`). */
export function planReasoning(
  model: string,
  body: JsonObject,
  effort: Effort | null,
  canResume: boolean,
): Reasoning {
  const asked = readMaxTokens(body)
  const still = { thinks: false, maxTokens: asked ?? defaultMaxTokens(model), thinking: null, effort: null }
  if (effort === null) return still
  const budgeted = takesThinkingBudget(model)
  if (effort === 'none') return budgeted ? still : { ...still, thinking: { type: 'disabled' } }
  if (!canReason(model))
    throw unsupported('reasoning_effort', `${model} does not reason; leave reasoning_effort out.`)
  const wanted = BUDGET_TOKENS[effort]
  if (!budgeted) {
    return {
      thinks: true,
      maxTokens: asked ?? defaultMaxTokens(model) + wanted,
      thinking: { type: 'adaptive', display: 'summarized' },
      effort: effort === 'minimal' ? 'low' : effort,
    }
  }
  if (!canResume) return still
  const maxTokens = asked ?? defaultMaxTokens(model) + wanted
  if (maxTokens <= BUDGET_MIN_TOKENS) {
    throw wrongValue(
      'reasoning_effort',
      `Reasoning takes at least ${BUDGET_MIN_TOKENS} tokens of the ${maxTokens} allowed; raise max_completion_tokens or send reasoning_effort "none".`,
    )
  }
  // Half of a caller's tight limit is kept for the answer itself, as long as the smallest budget still fits.
  const room = asked === null ? wanted : Math.floor(asked / 2)
  const budget = Math.max(BUDGET_MIN_TOKENS, Math.min(wanted, room))
  return { thinks: true, maxTokens, thinking: { type: 'enabled', budget_tokens: budget }, effort: null }
}

/** While it thinks, Claude takes no temperature, no top_k, top_p of 0.95 or more, and no forced tool. */
export function refuseWhileThinking(body: JsonObject, choice: ToolChoice | null): void {
  const remedy = 'leave it out or send reasoning_effort "none"'
  const { temperature, top_p: topP, top_k: topK } = body
  if (typeof temperature === 'number' && temperature !== 1) {
    throw unsupported('temperature', `Claude takes no temperature while it reasons; ${remedy}.`)
  }
  if (typeof topP === 'number' && topP < 0.95) {
    throw unsupported('top_p', `Claude takes a top_p of at least 0.95 while it reasons; ${remedy}.`)
  }
  if (typeof topK === 'number')
    throw unsupported('top_k', `Claude takes no top_k while it reasons; ${remedy}.`)
  if (choice?.mode === 'any' || choice?.mode === 'named') {
    throw unsupported(
      'tool_choice',
      'Claude cannot be forced to call a tool while it reasons; send "auto" or reasoning_effort "none".',
    )
  }
}
