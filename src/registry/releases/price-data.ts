/** Own prices as plain data: JSON has no bigint, so figures travel as decimal text. Pure. */

import type { OwnPrice } from '../prices/price.ts'

const FIGURES = [
  'input',
  'cachedInput',
  'cacheWrite',
  'output',
  'reasoning',
  'perImage',
  'perRequest',
] as const

export type PriceData = {
  projectId: string
  id: string
  upstream: string
  model: string
  source: string
  validFromMs: number
  /** Whole micro-USD. What is not in it is unknown. */
  figures: Partial<Record<(typeof FIGURES)[number], string>>
}

export function priceToData(projectId: string, price: OwnPrice): PriceData {
  const { id, upstream, model, source, validFromMs } = price
  const figures = Object.fromEntries(
    FIGURES.flatMap((name) => (price[name] === null ? [] : [[name, String(price[name])]])),
  )
  return { projectId, id, upstream, model, source, validFromMs, figures }
}

export function priceFromData({ id, upstream, model, source, validFromMs, figures }: PriceData): OwnPrice {
  const figure = (name: (typeof FIGURES)[number]) => {
    const text = figures[name]
    return text === undefined ? null : BigInt(text)
  }
  return {
    id,
    upstream,
    model,
    source,
    validFromMs,
    tiers: [],
    input: figure('input'),
    cachedInput: figure('cachedInput'),
    cacheWrite: figure('cacheWrite'),
    output: figure('output'),
    reasoning: figure('reasoning'),
    perImage: figure('perImage'),
    perRequest: figure('perRequest'),
  }
}
