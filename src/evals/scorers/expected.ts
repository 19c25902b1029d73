/** What an answer is compared with: the scorer's own `value`, or what the item expects. */

import type { JsonValue } from '../../lib/json.ts'
import { type Abstained, abstained } from './outcome.ts'
import type { Sample } from './scorer.ts'

/** For a kind that has nothing to compare an answer with. */
export function nothingExpected(): Abstained {
  return abstained('The item expects nothing, and the scorer has no value of its own.')
}

/**
 * The texts an answer is held against, at least one; or the abstention when nobody said any. Numbers and truth values
 * count as their JSON text; objects and lists within lists are no texts.
 */
export function expectedTexts(
  sample: Sample,
  value: string | string[] | undefined,
): { texts: readonly string[] } | Abstained {
  const source: JsonValue = value ?? sample.expected
  if (source === null) return nothingExpected()
  const texts = (Array.isArray(source) ? source : [source]).map(asText)
  const known = texts.filter((text) => text !== null)
  if (known.length < texts.length) return abstained('What the item expects is JSON and no text.')
  if (known.length === 0) return abstained('The list of what the item expects is empty.')
  return { texts: known }
}

function asText(value: JsonValue): string | null {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : null
}
