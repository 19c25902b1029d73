/** Where the traffic of a subject belongs. Pure. */

import type { Subject } from '../alerts/alert.ts'
import type { Place } from '../rollups/figures.ts'

/** A name with a slash is no route: it is what is asked of an upstream directly. The model's own name may have slashes too. */
export function placeOfSubject({ kind, name }: Subject): Partial<Place> {
  if (kind === 'upstream') return { upstream: name }
  const slash = name.indexOf('/')
  return slash < 0
    ? { route: name }
    : { route: null, upstream: name.slice(0, slash), model: name.slice(slash + 1) }
}
