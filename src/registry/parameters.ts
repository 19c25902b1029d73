/** What may stand among the parameters of a model version or a release: anything that is not the call or the prompt. Pure. */

/** Named all the same, they would be sent in place of what the caller or the prompt says. */
const NOT_PARAMETERS: Readonly<Record<string, string>> = {
  model: 'the version names the model itself',
  messages: 'it is the call itself',
  input: 'it is the call itself',
  prompt: 'it is the call itself',
  stream: 'the caller decides it',
  stream_options: 'the caller decides it',
  user: 'the caller decides it',
  metadata: 'the caller decides it',
  tools: 'it belongs to a prompt version',
  response_format: 'it belongs to a prompt version',
}
export const PARAMETERS_MAX = 100
/** Deeper is no parameter of any upstream, and costs a stack to walk. */
export const PARAMETER_DEPTH_MAX = 8

/** Why a member of the request is none; null for one that may stand there. */
export function whyNoParameter(name: string): string | null {
  return Object.hasOwn(NOT_PARAMETERS, name) ? (NOT_PARAMETERS[name] ?? null) : null
}

export function isTooDeep(value: unknown): boolean {
  return depthOf(value, PARAMETER_DEPTH_MAX) > PARAMETER_DEPTH_MAX
}

/** Levels of lists and objects; stops one past `limit`. */
function depthOf(value: unknown, limit: number): number {
  if (typeof value !== 'object' || value === null) return 0
  if (limit < 1) return 1
  return 1 + Math.max(0, ...Object.values(value).map((inner) => depthOf(inner, limit - 1)))
}

/** Half a surrogate pair has no UTF-8, so no database keeps it as it is. */
export function hasLoneSurrogate(value: unknown): boolean {
  if (typeof value === 'string') return !value.isWellFormed()
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(([name, inner]) => !name.isWellFormed() || hasLoneSurrogate(inner))
}
