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

const BATCH_FIGURES = ['input', 'cachedInput', 'cacheWrite', 'output', 'reasoning'] as const

export type PriceData = {
  projectId: string
  id: string
  upstream: string
  model: string
  source: string
  validFromMs: number
  /** Whole micro-USD. What is not in it is unknown. */
  figures: Partial<Record<(typeof FIGURES)[number], string>>
  /** The same of requests in batches; left out where nobody stated any. */
  batch?: Partial<Record<(typeof BATCH_FIGURES)[number], string>>
}

export function priceToData(projectId: string, price: OwnPrice): PriceData {
  const { id, upstream, model, source, validFromMs } = price
  const { batch } = price
  return {
    projectId,
    id,
    upstream,
    model,
    source,
    validFromMs,
    figures: stated(FIGURES, price),
    ...(batch !== undefined && { batch: stated(BATCH_FIGURES, batch) }),
  }
}

function stated<Name extends string>(
  names: readonly Name[],
  figures: Readonly<Record<Name, bigint | null>>,
): Partial<Record<Name, string>> {
  const known = names.flatMap((name) => (figures[name] === null ? [] : [[name, String(figures[name])]]))
  return Object.fromEntries(known) as Partial<Record<Name, string>>
}

export function priceFromData(data: PriceData): OwnPrice {
  const { id, upstream, model, source, validFromMs, figures, batch } = data
  const toFigure = (text: string | undefined) => (text === undefined ? null : BigInt(text))
  const figure = (name: (typeof FIGURES)[number]) => toFigure(figures[name])
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
    ...(batch !== undefined && {
      batch: {
        input: toFigure(batch.input),
        cachedInput: toFigure(batch.cachedInput),
        cacheWrite: toFigure(batch.cacheWrite),
        output: toFigure(batch.output),
        reasoning: toFigure(batch.reasoning),
      },
    }),
  }
}
