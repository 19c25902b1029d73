/** What a canary is allowed to do, what is watched of it, and the plans that make no sense. Pure. */

import {
  requireFinite,
  requirePositive,
  requireProbability,
  requireWhole,
} from '../../lib/statistics/inputs.ts'

/** How much worse is still acceptable. What is left out is not watched. */
export type Margins = {
  /** As a share of requests: 0.01 is one point. */
  errors?: number
  refusals?: number
  /** A quantile of milliseconds, and how much longer it may take: 0.2 is a fifth. */
  latency?: QuantileMargin
  ttft?: QuantileMargin
  /** How much more a request may cost on average: 0.2 is a fifth. */
  cost?: { ratio: number }
  /** By scorer, in units of its score. */
  quality?: Readonly<Record<string, number>>
}

type QuantileMargin = { quantile: number; ratio: number }

export type Plan = {
  /** Shares of the users in hundredths of a per cent, ascending. */
  stages: readonly number[]
  /** How long a stage lasts at least, and how many of the candidate's requests it takes at least. */
  holdMs: number
  requestsMin: number
  /** A stage that has not ended by then ends the canary. */
  maxWaitMs: number
  /** The chance that a candidate within every margin is ever rolled back for harm, over all stages, looks and metrics. */
  alpha: number
  /** What it takes to go on: nothing shown to be harmful, or everything shown to be harmless. */
  advance: 'unharmed' | 'proven'
  margins: Margins
}

/** One watched metric. `margin` is in the unit of its harm: a share, a ratio less 1, or a score. */
export type Watch =
  | { metric: 'errors' | 'refusals'; kind: 'share'; margin: number }
  | { metric: 'latency' | 'ttft'; kind: 'quantile'; quantile: number; margin: number }
  | { metric: 'cost'; kind: 'mean'; margin: number }
  | { metric: `quality/${string}`; kind: 'score'; scorer: string; margin: number }

/** Everything watched, each once, in the order in which it is shown. */
export function watchesOf({ errors, refusals, latency, ttft, cost, quality = {} }: Margins): Watch[] {
  return [
    ...shareWatch('errors', errors),
    ...shareWatch('refusals', refusals),
    ...quantileWatch('latency', latency),
    ...quantileWatch('ttft', ttft),
    ...(cost === undefined ? [] : [{ metric: 'cost', kind: 'mean', margin: cost.ratio } as const]),
    ...Object.entries(quality).map(
      ([scorer, margin]): Watch => ({ metric: `quality/${scorer}`, kind: 'score', scorer, margin }),
    ),
  ]
}

/**
 * α of one bound, so that with 1 − α everything said of K metrics is right at every look of every stage: two arms have a bound
 * each, each stage begins anew, and of the two things that can be said of a metric, harmful and harmless, only one can be wrong
 * (Bonferroni).
 */
export function alphaOfBound(alpha: number, watched: number, stages: number): number {
  return alpha / (2 * watched * stages)
}

/** Throws RangeError with the first thing that makes no sense, a plan that watches nothing among them. */
export function requirePlan(plan: Plan): void {
  requireProbability('alpha', plan.alpha)
  requireFinite('durations', [plan.holdMs, plan.maxWaitMs])
  if (!(plan.holdMs >= 0 && plan.maxWaitMs > plan.holdMs)) {
    throw new RangeError(`maxWaitMs is ${plan.maxWaitMs}, which is not above holdMs ${plan.holdMs}.`)
  }
  requireWhole('requestsMin', plan.requestsMin, 1)
  if (plan.stages.length === 0) throw new RangeError('A plan needs a stage.')
  for (const [at, share] of plan.stages.entries()) {
    requireWhole(`stages[${at}]`, share, (plan.stages[at - 1] ?? 0) + 1, 10_000)
  }
  const watches = watchesOf(plan.margins)
  if (watches.length === 0) throw new RangeError('A plan without margins watches nothing.')
  for (const watch of watches) {
    requirePositive(`margin of ${watch.metric}`, watch.margin)
    if (watch.kind === 'quantile') requireProbability(`quantile of ${watch.metric}`, watch.quantile)
  }
}

function shareWatch(metric: 'errors' | 'refusals', margin: number | undefined): Watch[] {
  return margin === undefined ? [] : [{ metric, kind: 'share', margin }]
}

function quantileWatch(metric: 'latency' | 'ttft', margin: QuantileMargin | undefined): Watch[] {
  return margin === undefined
    ? []
    : [{ metric, kind: 'quantile', quantile: margin.quantile, margin: margin.ratio }]
}
