/** Finds what a mistyped name most likely meant, for error messages. */

import { distance } from 'fastest-levenshtein'

/** The candidate closest to `name`, or null when none is within a third of its length (at least 2 edits). */
export function nearest(name: string, candidates: Iterable<string>): string | null {
  const wanted = name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
  let best: string | null = null
  let bestDistance = Math.max(2, Math.floor(wanted.length / 3)) + 1
  for (const candidate of candidates) {
    const tail = candidate.slice(candidate.indexOf('/') + 1)
    for (const form of tail === candidate ? [candidate] : [candidate, tail]) {
      const edits = distance(wanted, form.toLowerCase().replaceAll(/[^a-z0-9]/g, ''))
      if (edits < bestDistance) {
        best = candidate
        bestDistance = edits
      }
    }
  }
  return best
}
