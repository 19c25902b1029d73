/** The counterfactual of an item: the same one about somebody else, in all that is asked and all that is held against it. Pure. */

import type { JsonValue } from '../../lib/json.ts'
import type { DatasetItem } from '../datasets/item.ts'
import type { Change } from './perturbation.ts'

/** `exchange` gives a text back as it is where it names nobody; an item whose question names nobody is left, with `nothing` as reason. */
export function exchangeAll(item: DatasetItem, exchange: (text: string) => string, nothing: string): Change {
  const { input, messages, variables, contexts, expected, assertions } = item
  // An answer that says the new word is right.
  const told = { input, messages, variables, contexts, expected, assertions }
  const asked = { input, messages, variables } as JsonValue
  if (JSON.stringify(exchanged(asked, exchange)) === JSON.stringify(asked)) return { left: nothing }
  return { item: { ...item, ...(exchanged(told as JsonValue, exchange) as Partial<DatasetItem>) } }
}

/** Of values, never of the names of members. Depth is bounded, as a checked item's is. */
function exchanged(value: JsonValue | undefined, exchange: (text: string) => string): JsonValue | undefined {
  if (typeof value === 'string') return exchange(value)
  if (Array.isArray(value)) return value.map((one) => exchanged(one, exchange) ?? null)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).flatMap(([name, one]) =>
    one === undefined ? [] : [[name, exchanged(one, exchange)]],
  )
  return Object.fromEntries(members) as JsonValue
}
