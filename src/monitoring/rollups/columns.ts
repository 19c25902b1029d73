/** What a row of a level holds: the columns that add up, the sketches, and the figures they stand for. */

import { OUTCOMES } from '../../audit/record.ts'
import { type Figures, newFigures } from './figures.ts'
import { learnBytes } from './sketch.ts'

/** Whole numbers, each the sum over all requests of a place and a time. Outcomes are named as the log names them. */
export const SUM_COLUMNS = [
  'requests',
  ...OUTCOMES,
  'filtered',
  'cut',
  'told',
  'untold',
  'input_tokens',
  'cached_input_tokens',
  'output_tokens',
  'reasoning_tokens',
  'cost_micro_usd',
  'priced',
  'unpriced',
  'timed',
  'queue_us',
  'first_token_us',
  'generation_us',
  'timed_output_tokens',
] as const
export type SumColumn = (typeof SUM_COLUMNS)[number]

export const SKETCH_COLUMNS = ['latency', 'ttft', 'ms_per_output_token'] as const
export type SketchColumn = (typeof SKETCH_COLUMNS)[number]

/** A row as the driver gives it: numbers as text, because a sum may be above 2^53. */
export type FigureRow = Readonly<Record<SumColumn, string> & Partial<Record<SketchColumn, Uint8Array>>>

const US_PER_MS = 1000

/** The figures of a row; its sketches are empty when it was read without them. */
export function figuresOf(row: FigureRow): Figures {
  const figures = newFigures()
  const { outcomes } = figures
  for (const outcome of Object.keys(outcomes) as (keyof typeof outcomes)[]) {
    outcomes[outcome] = Number(row[outcome])
  }
  figures.requests = Number(row.requests)
  figures.filtered = Number(row.filtered)
  figures.cut = Number(row.cut)
  figures.told = Number(row.told)
  figures.untold = Number(row.untold)
  figures.inputTokens = Number(row.input_tokens)
  figures.cachedInputTokens = Number(row.cached_input_tokens)
  figures.outputTokens = Number(row.output_tokens)
  figures.reasoningTokens = Number(row.reasoning_tokens)
  figures.costMicroUsd = BigInt(row.cost_micro_usd)
  figures.priced = Number(row.priced)
  figures.unpriced = Number(row.unpriced)
  figures.timed = Number(row.timed)
  figures.queueMs = Number(row.queue_us) / US_PER_MS
  figures.firstTokenMs = Number(row.first_token_us) / US_PER_MS
  figures.generationMs = Number(row.generation_us) / US_PER_MS
  figures.timedOutputTokens = Number(row.timed_output_tokens)
  if (row.latency !== undefined) learnBytes(figures.latency, row.latency)
  if (row.ttft !== undefined) learnBytes(figures.ttft, row.ttft)
  if (row.ms_per_output_token !== undefined) learnBytes(figures.msPerOutputToken, row.ms_per_output_token)
  return figures
}
