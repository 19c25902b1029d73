/** Anthropic `stop_reason` -> OpenAI `finish_reason` (https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons). */

import type { FinishReason } from '../chat/answer.ts'

const REASONS = new Map<string, FinishReason>(
  Object.entries({
    end_turn: 'stop',
    stop_sequence: 'stop',
    tool_use: 'tool_calls',
    max_tokens: 'length',
    model_context_window_exceeded: 'length',
    refusal: 'content_filter',
    // A paused turn is unfinished; "stop" would make half an answer look whole.
    pause_turn: 'length',
  }),
)

/** `calledTools` counts calls the client sees: the reserved answer tool is text to it, and so "stop". */
export function toFinishReason(stopReason: string, calledTools: boolean): FinishReason {
  const reason = REASONS.get(stopReason) ?? 'stop'
  if (reason === 'tool_calls' || reason === 'stop') return calledTools ? 'tool_calls' : 'stop'
  return reason
}
