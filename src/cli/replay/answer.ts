/** What an answer says, as one text that can be compared with another answer's. Pure. */

import { isJsonObject } from '../../lib/json.ts'
import { spokenAnswer } from '../../lib/spoken-answer.ts'
import type { Operation } from './logged.ts'

/**
 * Its words, and below them the functions it calls with their arguments, one a line. Of embeddings the first vector. Null when
 * there is nothing to compare: an error, an answer in no known shape, or one without words.
 */
export function answerText(operation: Operation, body: string): string | null {
  if (operation === 'embeddings') return vectorText(body)
  const said = spokenAnswer(operation, body)
  if (said === null) return null
  const text = said.words + said.calls.map((call) => `\n${call.name}(${call.arguments})`).join('')
  return text === '' ? null : text
}

function vectorText(body: string): string | null {
  try {
    const answer: unknown = JSON.parse(body)
    const [first] = isJsonObject(answer) && Array.isArray(answer.data) ? answer.data : []
    return isJsonObject(first) && first.embedding !== undefined ? JSON.stringify(first.embedding) : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
