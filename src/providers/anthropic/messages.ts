/**
 * OpenAI messages -> Anthropic `system` and `messages`. System and developer messages are hoisted to the front in
 * their order (the API has one place for them); neighbours of one role become one turn, so that the results of
 * parallel tool calls stand in a single user turn as the API demands.
 */

import type { JsonObject } from '../../lib/json.ts'
import { wrongValue } from '../chat/fields.ts'
import type { ChatMessage, TextPart } from '../chat/read-messages.ts'
import { toContentBlock } from './content.ts'

type Conversation = { system: JsonObject[]; messages: JsonObject[] }

type Turn = { role: 'user' | 'assistant'; content: JsonObject[] }

/** `withThinking`: send signed thinking blocks back; without reasoning the API has no use for them. */
export function toConversation(messages: readonly ChatMessage[], withThinking: boolean): Conversation {
  const system: JsonObject[] = []
  const turns: Turn[] = []
  for (const message of messages) {
    if (message.role === 'system') {
      system.push(...message.parts.map(toTextBlock))
      continue
    }
    const role = message.role === 'assistant' ? 'assistant' : 'user'
    const content = toBlocks(message, withThinking)
    if (content.length === 0) continue
    const last = turns.at(-1)
    if (last?.role === role) last.content.push(...content)
    else turns.push({ role, content })
  }
  if (turns.length === 0) {
    throw wrongValue(
      'messages',
      'messages holds no text for the model to answer; send a user message with content.',
    )
  }
  return { system, messages: turns }
}

/**
 * True when the newest assistant turn called tools and the client gave its thinking blocks back, or when there is no
 * such turn. Models with a thinking budget refuse to think again in a tool loop whose first thoughts are missing.
 */
export function mayThink(messages: readonly ChatMessage[]): boolean {
  for (const message of messages.toReversed()) {
    if (message.role === 'user') return true
    if (message.role === 'assistant')
      return message.toolCalls.length === 0 || message.thinkingBlocks.length > 0
  }
  return true
}

function toBlocks(message: Exclude<ChatMessage, { role: 'system' }>, withThinking: boolean): JsonObject[] {
  switch (message.role) {
    case 'user':
      return message.parts.map(toContentBlock)
    case 'assistant':
      return [
        ...(withThinking ? message.thinkingBlocks : []),
        ...message.parts.map(toTextBlock),
        ...message.toolCalls.map((call) => ({
          type: 'tool_use',
          id: toToolId(call.id),
          name: call.name,
          input: call.input,
        })),
      ]
    case 'tool': {
      const result: JsonObject = { type: 'tool_result', tool_use_id: toToolId(message.toolCallId) }
      if (message.parts.length > 0) result.content = message.parts.map(toContentBlock)
      return [result]
    }
  }
}

/** The API takes ids of `[a-zA-Z0-9_-]`; a conversation begun at another vendor may hold others. */
function toToolId(id: string): string {
  return id.replaceAll(/[^a-zA-Z0-9_-]/g, '_')
}

function toTextBlock(part: TextPart): JsonObject {
  const block: JsonObject = { type: 'text', text: part.text }
  if (part.cacheControl !== null) block.cache_control = part.cacheControl
  return block
}
