/** `upstream/model`, as targets of releases, direct calls and embedding models are named. Ids of models may have slashes, too. */

/** Null for a name without an upstream or without a model: the name of a route. */
export function splitModelName(name: string): { upstream: string; model: string } | null {
  const slash = name.indexOf('/')
  if (slash < 1 || slash === name.length - 1) return null
  return { upstream: name.slice(0, slash), model: name.slice(slash + 1) }
}
