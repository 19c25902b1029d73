/** A logged request becomes an item: what was asked, what was answered, the passages shown, and which request it was. Pure. */

import { promptVariables } from '../../lib/asked-question.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/json.ts'
import { checkItem } from './check-item.ts'
import type { DatasetItem } from './item.ts'

/** A request whose body the log keeps whole and as it was sent. */
export type LoggedCall = {
  id: string
  operation: string
  route: string | null
  /** That answered. */
  model: string | null
  /** The pseudonym of the end user. */
  subject: string | null
  startedAt: string
  /** The JSON object that the app sent. */
  body: string
  /** The words of the answer; null where the log does not hold it whole. */
  answer: string | null
  /** In the order in which the prompt has them. */
  contexts: readonly string[]
}

/**
 * `left` says why the request is no item. What was answered becomes `output`, which scorers judge: nobody said that it
 * is right, so it is never `expected`. Requests of one end user are one group, as they are easy or hard together.
 */
export function itemOfRequest(call: LoggedCall): { item: DatasetItem } | { left: string } {
  const parsed: unknown = JSON.parse(call.body)
  const asked = isJsonObject(parsed) ? askedIn(call.operation, parsed as JsonObject) : null
  if (asked === null) return { left: 'asks nothing in words' }
  const metadata = { route: call.route, model: call.model, started_at: call.startedAt }
  const checked = checkItem(
    {
      id: call.id,
      ...asked,
      ...(call.answer !== null && { output: call.answer }),
      ...(call.contexts.length > 0 && { contexts: [...call.contexts] }),
      metadata: Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== null)),
      ...(call.subject !== null && { group: call.subject }),
      source: { request_id: call.id },
    },
    'its body',
  )
  return 'item' in checked ? { item: checked.item } : { left: checked.problems[0] ?? 'is no item' }
}

function askedIn(operation: string, body: JsonObject): JsonObject | null {
  const variables = promptVariables(body)
  const given = Object.keys(variables).length === 0 ? {} : { variables }
  const words = wordsIn(operation, body)
  if (words === null) return Object.keys(given).length === 0 ? null : given
  return { ...given, ...words }
}

function wordsIn(operation: string, body: JsonObject): JsonObject | null {
  if (operation === 'completions') return typeof body.prompt === 'string' ? { input: body.prompt } : null
  if (operation === 'chat') return asMessages(body.messages)
  if (operation !== 'responses') return null
  const { input, instructions } = body
  const turns = typeof input === 'string' ? [{ role: 'user', content: input }] : input
  if (typeof instructions !== 'string' || !Array.isArray(turns)) return asMessages(turns)
  return asMessages([{ role: 'system', content: instructions }, ...turns])
}

/** One text of a user is `input`. Null where something is no message, so that no conversation is kept in part. */
function asMessages(value: JsonValue | undefined): JsonObject | null {
  if (!Array.isArray(value) || value.length === 0) return null
  if (!value.every((one) => isJsonObject(one) && typeof one.role === 'string')) return null
  const [first] = value as JsonObject[]
  const isPlain = value.length === 1 && first?.role === 'user' && Object.keys(first).length === 2
  return isPlain && typeof first.content === 'string' ? { input: first.content } : { messages: value }
}
