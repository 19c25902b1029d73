/**
 * `instructions` and `input` of a Responses request -> chat messages. Keeps the order of the items; never looks
 * anything up: an item that only refers to a stored one is refused.
 *
 * Two deliberate changes: `developer` becomes `system`, which every chat upstream knows (chat templates of open
 * models refuse other roles), and reasoning items are dropped, because they are another model's private notes
 * and the chat wire has no agreed place for them.
 */

import { RequestError } from '../../errors.ts'
import type { JsonObject, JsonValue } from '../../lib/json.ts'
import { assistantContent, chatContent, toolOutput } from './content.ts'
import { missing, readString, requireObject, requireString, unsupported, wrongType } from './read.ts'

/** Throws RequestError with the path of the item (`input[3].content[0].type`). */
export function chatMessages(body: JsonObject): JsonObject[] {
  const messages: JsonObject[] = []
  const instructions = readString(body, 'instructions')
  if (instructions !== undefined) messages.push({ role: 'system', content: instructions })
  const input = body.input
  if (input === undefined || input === null) throw missing('input')
  if (typeof input === 'string') {
    messages.push({ role: 'user', content: input })
    return messages
  }
  if (!Array.isArray(input)) throw wrongType('input', 'a string or an array of items', input)
  for (const [at, item] of input.entries()) addItem(messages, item, `input[${at}]`)
  return messages
}

function addItem(messages: JsonObject[], value: JsonValue, path: string): void {
  const item = requireObject(value, path)
  // A message may leave `type` out, and so may a reference, which then has nothing but an id.
  const bare = item.role === undefined && item.id !== undefined ? 'item_reference' : 'message'
  const type = readString(item, 'type', `${path}.`) ?? bare
  switch (type) {
    case 'message':
      addMessage(messages, item, path)
      return
    case 'function_call':
      addCall(messages, item, path)
      return
    case 'function_call_output': {
      const callId = requireString(item, 'call_id', `${path}.`)
      messages.push({ role: 'tool', tool_call_id: callId, content: toolOutput(item, path) })
      return
    }
    case 'reasoning':
      return
    case 'item_reference':
      throw unsupported(`${path}.type`, 'A reference to a stored item', 'Send the item itself.')
    default:
      throw unsupported(
        `${path}.type`,
        `The input item "${type}"`,
        'Send messages, function_call and function_call_output items.',
      )
  }
}

function addMessage(messages: JsonObject[], item: JsonObject, path: string): void {
  const role = requireString(item, 'role', `${path}.`)
  switch (role) {
    case 'user':
      messages.push({ role, content: chatContent(item, path) })
      return
    case 'system':
    case 'developer':
      messages.push({ role: 'system', content: chatContent(item, path) })
      return
    case 'assistant':
      addAssistant(messages, item, path)
      return
    default: {
      const message = `"${path}.role" is "${role}". Use user, assistant, system or developer.`
      throw new RequestError('invalid_value', message, { param: `${path}.role` })
    }
  }
}

/**
 * Text that follows calls which still wait for their outputs joins the message of those calls: chat completions
 * require the `tool` messages to come directly after it.
 */
function addAssistant(messages: JsonObject[], item: JsonObject, path: string): void {
  const { text, refusal } = assistantContent(item, path)
  const last = messages.at(-1)
  if (last?.role === 'assistant' && last.tool_calls !== undefined) {
    const before = typeof last.content === 'string' ? last.content : ''
    if (text !== '') last.content = before + text
    return
  }
  const message: JsonObject = { role: 'assistant', content: text }
  if (refusal !== '') {
    message.refusal = refusal
    if (text === '') message.content = null
  }
  messages.push(message)
}

/** Calls of one turn are one assistant message, together with the text right before them. */
function addCall(messages: JsonObject[], item: JsonObject, path: string): void {
  const call: JsonObject = {
    id: requireString(item, 'call_id', `${path}.`),
    type: 'function',
    function: {
      name: requireString(item, 'name', `${path}.`),
      arguments: requireString(item, 'arguments', `${path}.`),
    },
  }
  const last = messages.at(-1)
  if (last?.role !== 'assistant') {
    messages.push({ role: 'assistant', content: null, tool_calls: [call] })
    return
  }
  const calls = last.tool_calls
  last.tool_calls = Array.isArray(calls) ? [...calls, call] : [call]
}
