/** What is compared of an answer. Pure. */

import { refusalPhrase } from '../../evals/scorers/refusal-phrases.ts'
import type { AnswerTraits } from './sampled-request.ts'

export function traitsOf(answer: string): AnswerTraits {
  return { length: answer.length, refused: refusalPhrase(answer) !== null, isJson: isJson(answer) }
}

function isJson(text: string): boolean {
  const trimmed = text.trim()
  if (!/^[[{]/.test(trimmed)) return false
  try {
    JSON.parse(trimmed)
    return true
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}
