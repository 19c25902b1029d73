/**
 * Ids for function calls that Gemini gave none. Made from the answer's own id and the call's position, so a stream and
 * a complete answer agree, and two turns of one conversation never share one. They are never sent upstream.
 */

/** OpenAI's wire allows 40 characters. */
const ANSWER_PART_MAX = 26

/** `call_g<end of the answer's id>_<n>`; `n` counts calls over the whole answer. */
export function makeCallId(answerId: string, n: number): string {
  const letters = answerId.replaceAll(/[^a-zA-Z0-9]/g, '')
  return `call_g${letters.slice(-ANSWER_PART_MAX)}_${n}`
}

export function isMadeUpId(id: string): boolean {
  return /^call_g[a-zA-Z0-9]{0,26}_\d+$/.test(id)
}
