/**
 * The passages that an item shows to the model: variables that are lists of texts. An item's `contexts` are what scorers judge
 * by and are never sent, so a change of them alone would change nothing that the model sees. Pure.
 */

import type { JsonObject, JsonValue } from '../../lib/json.ts'
import type { DatasetItem } from '../datasets/item.ts'
import type { Change } from './perturbation.ts'

/** The same change of every list of at least `least` texts, and of `contexts` where they are one of those lists. */
export function changePassages(
  item: DatasetItem,
  least: number,
  change: (passages: readonly string[]) => string[],
): Change {
  const { variables = {}, contexts } = item
  const shown = Object.entries(variables).filter(([, value]) => isPassages(value, least)) as [
    string,
    string[],
  ][]
  if (shown.length === 0) return { left: `shows no list of ${least} passages or more in its variables` }
  const changed = new Map(shown.map(([, passages]) => [JSON.stringify(passages), change(passages)]))
  const own = contexts === undefined ? undefined : changed.get(JSON.stringify(contexts))
  const rewritten = shown.map(([name, passages]) => [name, changed.get(JSON.stringify(passages)) ?? passages])
  return {
    item: {
      ...item,
      variables: { ...variables, ...(Object.fromEntries(rewritten) as JsonObject) },
      ...(own !== undefined && { contexts: own }),
    },
  }
}

function isPassages(value: JsonValue | undefined, least: number): boolean {
  return Array.isArray(value) && value.length >= least && value.every((one) => typeof one === 'string')
}
