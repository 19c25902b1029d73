/** Which names a key may send as `model`. Pure; a pattern is a name with at most one `*`, at its end. */

const PATTERN = /^[^\s*]{0,200}\*?$/

/** True for a pattern this room understands: `support-answer`, `support-*`, `openai/*`, `support-answer@*`, `*`. */
export function isRoutePattern(pattern: string): boolean {
  return pattern !== '' && PATTERN.test(pattern)
}

/**
 * True when a key with these patterns may call `name`; null allows everything.
 * A label or release of a route (`support-answer@staging`) is only reached by a pattern that has an `@` itself:
 * a key made for `support-*` gets what production serves and no candidate.
 */
export function allowsRoute(allowedRoutes: readonly string[] | null, name: string): boolean {
  return allowedRoutes === null || allowedRoutes.some((pattern) => covers(pattern, name))
}

/** The wanted patterns that `allowed` does not contain whole; empty when `wanted` is a subset. */
export function routesOutside(
  allowed: readonly string[] | null,
  wanted: readonly string[] | null,
): readonly string[] {
  if (allowed === null) return []
  if (wanted === null) return ['*']
  return wanted.filter((name) => !allowed.some((pattern) => covers(pattern, name)))
}

/** `name` may itself be a pattern: everything it matches is then matched by `pattern`. */
function covers(pattern: string, name: string): boolean {
  if (namesLabel(name) && !pattern.includes('@')) return false
  if (!pattern.endsWith('*')) return pattern === name
  return name.startsWith(pattern.slice(0, -1))
}

/** An `@` after a slash belongs to an upstream's model id, not to a label. */
function namesLabel(name: string): boolean {
  return name.includes('@') && !name.includes('/')
}
