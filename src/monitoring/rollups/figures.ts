/** What is counted of requests that have the same place and the same minute. Pure: two are merged by adding. */

import { OUTCOMES, type Outcome } from '../../audit/record.ts'
import { learnAll, newSketch, type Sketch } from './sketch.ts'

/** Where requests belong; null where a request had none, such as a route for a direct call. */
export type Place = {
  projectId: string
  route: string | null
  /** `rel_…` */
  releaseId: string | null
  /** `support-answer@14` */
  prompt: string | null
  upstream: string | null
  /** The upstream's own id of the model. */
  model: string | null
  keyId: string | null
  /** The price version that says what they cost. */
  price: string | null
}

/** All of apps' own requests: what a shadow mirrored, and what suites asked, are no traffic. */
export type Figures = {
  requests: number
  outcomes: Record<Outcome, number>
  /** Ended by the model's own filter (`content_filter`), and cut at its limit of tokens (`length`). */
  filtered: number
  cut: number
  /** Requests that went to an upstream which told both input and output tokens: the sums are over these. And those where it did not. */
  told: number
  untold: number
  inputTokens: number
  cachedInputTokens: number
  outputTokens: number
  reasoningTokens: number
  /** Micro-USD of those that say what they cost, how many they are, and how many went to an upstream and do not say it. */
  costMicroUsd: bigint
  priced: number
  unpriced: number
  /**
   * Milliseconds of completed requests that streamed and told their output tokens, and how many they are: before the last attempt was
   * sent, from then to the first token, and from the first token to the end. The three add up to the whole duration.
   */
  timed: number
  queueMs: number
  firstTokenMs: number
  generationMs: number
  timedOutputTokens: number
  /** Milliseconds: of completed requests the whole duration and the time to the first token; and for each output token after it. */
  latency: Sketch
  ttft: Sketch
  msPerOutputToken: Sketch
}

export function newFigures(): Figures {
  return {
    requests: 0,
    outcomes: Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>,
    filtered: 0,
    cut: 0,
    told: 0,
    untold: 0,
    inputTokens: 0,
    cachedInputTokens: 0,
    outputTokens: 0,
    reasoningTokens: 0,
    costMicroUsd: 0n,
    priced: 0,
    unpriced: 0,
    timed: 0,
    queueMs: 0,
    firstTokenMs: 0,
    generationMs: 0,
    timedOutputTokens: 0,
    latency: newSketch(),
    ttft: newSketch(),
    msPerOutputToken: newSketch(),
  }
}

/** Figures that add up as numbers. */
export const SUMS = [
  'requests',
  'filtered',
  'cut',
  'told',
  'untold',
  'inputTokens',
  'cachedInputTokens',
  'outputTokens',
  'reasoningTokens',
  'priced',
  'unpriced',
  'timed',
  'queueMs',
  'firstTokenMs',
  'generationMs',
  'timedOutputTokens',
] as const satisfies readonly (keyof Figures)[]

/** Changes `figures` by all that `other` counted. */
export function addFigures(figures: Figures, other: Figures): void {
  for (const sum of SUMS) figures[sum] += other[sum]
  for (const outcome of OUTCOMES) figures.outcomes[outcome] += other.outcomes[outcome]
  figures.costMicroUsd += other.costMicroUsd
  learnAll(figures.latency, other.latency)
  learnAll(figures.ttft, other.ttft)
  learnAll(figures.msPerOutputToken, other.msPerOutputToken)
}
