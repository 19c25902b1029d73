/** Which text of a request is the question that an index is asked. One place, so that the log is read as it was served. */

import { isJsonObject, type JsonObject } from './json.ts'

/** A longer question is a document; what a model embeds of it is its beginning anyway. */
const MAX_QUESTION_CHARACTERS = 8_000

/** `variable` of the prompt, or the last message of a user when it is null. Null when there is no text in it. */
export function askedQuestion(parsed: JsonObject, operation: string, variable: string | null): string | null {
  const text = variable === null ? lastUserText(parsed, operation) : promptVariables(parsed)[variable]
  return typeof text === 'string' && text.trim() !== '' ? text.slice(0, MAX_QUESTION_CHARACTERS) : null
}

/** What the caller gives to the prompt of a route. */
export function promptVariables({ prompt }: JsonObject): JsonObject {
  return isJsonObject(prompt) && isJsonObject(prompt.variables) ? prompt.variables : {}
}

function lastUserText(parsed: JsonObject, operation: string): string | null {
  const given = operation === 'responses' ? parsed.input : parsed.messages
  if (typeof given === 'string') return given
  const last = Array.isArray(given)
    ? given.findLast((one) => isJsonObject(one) && one.role === 'user')
    : undefined
  const content = isJsonObject(last) ? last.content : null
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return null
  return content
    .flatMap((part) => (isJsonObject(part) && typeof part.text === 'string' ? [part.text] : []))
    .join('\n')
}
