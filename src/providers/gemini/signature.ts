/**
 * Thought signatures: Gemini signs the function calls it thought about and, from Gemini 3 on, refuses a conversation
 * whose calls come back unsigned (https://ai.google.dev/gemini-api/docs/thought-signatures). They travel where Google's
 * own OpenAI endpoint puts them, `tool_calls[].extra_content.google.thought_signature`; Aval remembers none.
 * Signatures of text parts are recommended and not demanded; OpenAI's wire has no place for them and they are left out.
 */

import type { JsonObject } from '../../lib/json.ts'
import { objectOf, textOf } from '../chat/upstream-json.ts'

/** Documented stand-in for a call whose signature is lost: a client dropped it, or another vendor made the call. */
const SKIP_VALIDATION = 'skip_thought_signature_validator'

export function toExtra(signature: string): JsonObject | undefined {
  return signature === '' ? undefined : { google: { thought_signature: signature } }
}

/**
 * The signature to send with one call of a turn; null for none. Only the first call of a turn is signed, so only
 * there is a missing one replaced.
 */
export function signatureFor(extra: JsonObject | null, isFirst: boolean, demanded: boolean): string | null {
  const signature = textOf(objectOf(objectOf(extra ?? {}).google).thought_signature)
  if (signature !== '') return signature
  return demanded && isFirst ? SKIP_VALIDATION : null
}
