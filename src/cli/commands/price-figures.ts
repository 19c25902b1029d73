/** The figures of a price as people read them: dollars, what is unknown left out or said. */

import { formatUsd, parseUsd } from '../../lib/money.ts'

type TokenFigures = {
  input: string | null
  cached_input: string | null
  cache_write: string | null
  output: string | null
  reasoning: string | null
}
export type Figures = TokenFigures & {
  per_image: string | null
  per_request: string | null
  batch_input: string | null
  batch_cached_input: string | null
  batch_output: string | null
}
export type EffectivePrice = Figures & {
  id: string | null
  source: string
  valid_from: string | null
  tiers: (TokenFigures & { above_input_tokens: number })[]
}

/** `$0.15`; `-` for unknown. A text that is no amount is shown as it came. */
export function formatFigure(text: string | null): string {
  if (text === null) return '-'
  const microUsd = parseUsd(text)
  return microUsd === null ? text : formatUsd(microUsd)
}

/** `$0.15 in, $0.60 out per million tokens`, with everything else that is known. */
export function describeFigures(figures: TokenFigures & Partial<Figures>): string {
  const tokens = [
    ['in', figures.input],
    ['cached', figures.cached_input],
    ['written to cache', figures.cache_write],
    ['out', figures.output],
    ['reasoning', figures.reasoning],
  ] as const
  const batches = [
    ['in', figures.batch_input],
    ['cached', figures.batch_cached_input],
    ['out', figures.batch_output],
  ] as const
  const apart = [
    ['an image', figures.per_image],
    ['a request', figures.per_request],
  ] as const
  const words = (parts: readonly (readonly [string, string | null | undefined])[]) =>
    parts.flatMap(([what, text]) => (text == null ? [] : [`${formatFigure(text)} ${what}`])).join(', ')
  const perMillion = words(tokens)
  const inBatches = words(batches)
  return [
    perMillion === '' ? '' : `${perMillion} per million tokens`,
    inBatches === '' ? '' : `in batches ${inBatches}`,
    words(apart),
  ]
    .filter((part) => part !== '')
    .join(', ')
}
