/**
 * The labels of a request, of which there are never more than a bound: what callers make up and what a large registry
 * holds end in the label `other`.
 */

import type { RequestEnded, RequestSeen } from '../requests.ts'

/** Series of one metric are at most this many times its outcomes, kinds or codes. */
const MAX_PLACES = 500

const OTHER = 'other'
/** Of calls without a route, and of requests that were refused before an upstream was chosen. */
const NONE = 'none'

export type Place = Readonly<{
  route: Readonly<{ operation: string; route: string }>
  release: Readonly<{ route: string; release: string }>
  model: Readonly<{ route: string; upstream: string; model: string }>
}>

export type Places = {
  /** The same object for the same labels: nothing is made for a place that was seen before. */
  of(seen: RequestSeen, ended: RequestEnded): Place
  /** The labels of one attempt, under the same bound. */
  target(seen: RequestSeen, upstream: string, model: string): Place['model']
}

/**
 * `isListed` says whether an upstream's model list holds a model that no route names; such a name is the caller's text,
 * and one that no list holds is no label. The first `limit` places keep their names until the process ends.
 */
export function createPlaces(
  isListed: (upstream: string, model: string) => boolean,
  limit: number = MAX_PLACES,
): Places {
  const places = new Map<string, Place>()
  const place = (
    operation: string,
    seen: RequestSeen,
    upstream: string | null,
    model: string | null,
  ): Place => {
    const { route, release } = seen
    const isNamed = route !== null || upstream === null || model === null || isListed(upstream, model)
    const shown = isNamed ? (model ?? NONE) : OTHER
    const key = `${operation}\n${route}\n${release}\n${upstream}\n${shown}`
    const known = places.get(key)
    if (known !== undefined) return known
    if (places.size >= limit) return rest(operation)
    const made = labels(operation, route ?? NONE, release ?? NONE, upstream ?? NONE, shown)
    places.set(key, made)
    return made
  }
  const rests = new Map<string, Place>()
  /** Operations are a handful of our own. */
  const rest = (operation: string): Place => {
    const known = rests.get(operation)
    if (known !== undefined) return known
    const made = labels(operation, OTHER, OTHER, OTHER, OTHER)
    rests.set(operation, made)
    return made
  }
  return {
    of: (seen, { upstream, model }) => place(seen.operation, seen, upstream, model),
    target: (seen, upstream, model) => place(seen.operation, seen, upstream, model).model,
  }
}

function labels(operation: string, route: string, release: string, upstream: string, model: string): Place {
  return {
    route: { operation, route },
    release: { route, release },
    model: { route, upstream, model },
  }
}
