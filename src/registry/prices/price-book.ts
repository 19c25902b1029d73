/** Which price holds: the newest that the project set and that had begun, else the shipped list's, else none. */

import type { OwnPrice, Price, PriceTarget } from './price.ts'
import { type ListedPrices, listedPriceAt, type PriceList } from './price-list.ts'

/** Prices of one project, answered from memory. */
export type PriceBook = {
  /** null is unknown, never free. `atMs` is when the call began. */
  priceOf(target: PriceTarget, atMs: number): Price | null
}

/** More models than any gateway calls. Callers choose the names, so the memory of them must end somewhere. */
const REMEMBERED_MAX = 2000

/**
 * The price of a model at a time. An own price holds as a whole: a figure that it leaves out is unknown and not taken
 * from the list, because its source did not say it. `rows` may hold other models and come in any order.
 */
export function resolvePrice(
  rows: readonly OwnPrice[],
  list: PriceList,
  query: PriceTarget & { atMs: number },
): Price | null {
  const own = rows.filter((row) => row.upstream === query.upstream && row.model === query.model)
  const listed = () => list(query)
  return priceAt(own.sort(newestFirst), listed, query.atMs)
}

/**
 * The same for every model, without looking through rows and list for each call. `rows` are those of one project.
 *
 * @example
 * const book = compilePrices(own, shippedPrices)
 * const price = book.priceOf({ upstream: 'openai', dialect: 'openai', baseUrl, model: 'gpt-4o-mini' }, startedAtMs)
 */
export function compilePrices(rows: readonly OwnPrice[], list: PriceList): PriceBook {
  const own = Map.groupBy(rows, ({ upstream, model }) => keyOf(upstream, model))
  for (const prices of own.values()) prices.sort(newestFirst)
  const remembered = new Map<string, ListedPrices | null>()
  const listed = (target: PriceTarget): ListedPrices | null => {
    const key = keyOf(target.dialect, target.baseUrl ?? '', target.model)
    const known = remembered.get(key)
    if (known !== undefined) return known
    const found = list(target)
    const oldest = remembered.size < REMEMBERED_MAX ? undefined : remembered.keys().next().value
    if (oldest !== undefined) remembered.delete(oldest)
    remembered.set(key, found)
    return found
  }
  return {
    priceOf: (target, atMs) =>
      priceAt(own.get(keyOf(target.upstream, target.model)) ?? [], () => listed(target), atMs),
  }
}

function priceAt(newest: readonly OwnPrice[], listed: () => ListedPrices | null, atMs: number): Price | null {
  const own = newest.find(({ validFromMs }) => validFromMs <= atMs)
  if (own !== undefined) return own
  const prices = listed()
  return prices === null ? null : listedPriceAt(prices, atMs)
}

/** Of two that begin together, the one set later: ids sort by time. */
function newestFirst(a: OwnPrice, b: OwnPrice): number {
  return b.validFromMs - a.validFromMs || (a.id < b.id ? 1 : -1)
}

/** JSON keeps the parts apart whatever letters they hold. */
function keyOf(...parts: readonly string[]): string {
  return JSON.stringify(parts)
}
