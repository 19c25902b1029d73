/**
 * Ids for function calls that Gemini gave none. Made from the answer's own id and the call's position, so a stream and
 * a complete answer agree, and two turns of one conversation never share one. They are never sent upstream.
 */

/** Leaves room for the rest within the 40 characters that OpenAI's wire allows. */
const ANSWER_PART_MAX = 24

/** `call_g<end of the answer's id>_<choice>_<n>`; `n` counts the calls of that choice. */
export function makeCallId(answerId: string, choice: number, n: number): string {
  const letters = answerId.replaceAll(/[^a-zA-Z0-9]/g, '')
  return `call_g${letters.slice(-ANSWER_PART_MAX)}_${choice}_${n}`
}

export function isMadeUpId(id: string): boolean {
  return /^call_g[a-zA-Z0-9]{0,24}_\d+_\d+$/.test(id)
}
