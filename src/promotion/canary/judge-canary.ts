/** Whether a canary goes on, waits or is taken back, at any number of looks. Pure: time and figures are handed in. */

import { requirePositive, requireWhole } from '../../lib/statistics/inputs.ts'
import { type Arms, judgeMetric, type MetricVerdict } from './judge-metric.ts'
import { count } from './metric-text.ts'
import { alphaOfBound, type Plan, requirePlan, watchesOf } from './plan.ts'

/** How far the canary has come. */
export type Standing = {
  /** Index of the stage in the plan. */
  stage: number
  /** Since the stage began. */
  stageMs: number
}

export type Judgement = {
  /** To advance from the last stage is to finish. */
  decision: 'advance' | 'hold' | 'roll_back'
  /**
   * `harm`: beyond a margin. `no_verdict`: the longest wait is over. `rule`: the plan's rule is met. `waiting`: it is not yet.
   */
  cause: 'harm' | 'no_verdict' | 'rule' | 'waiting'
  /** Sentences: what is harmful, what is missing, or why it goes on. */
  reasons: string[]
  metrics: MetricVerdict[]
}

/**
 * `arms` are of the stage alone: while the shares stand still both arms have the same hours, and what follows the hour (a morning's
 * short questions, an evening's slow upstream) is the same in both.
 *
 * Rolls back for harm as soon as any metric is harmful. A candidate within every margin suffers that with the chance
 * `plan.alpha` at most over the whole canary; one that is beyond a margin is called harmless in that metric with no greater
 * chance. Advances when the stage has lasted, the candidate has had its requests, every metric has values in both arms and the
 * plan's rule is met. Otherwise it waits, and rolls back without a verdict when the stage's longest wait is over. Throws
 * RangeError for a plan or a standing that makes no sense; figures of an arm that make none are a metric in state `error`,
 * which keeps the canary from going on.
 */
export function judgeCanary(plan: Plan, arms: Arms, standing: Standing): Judgement {
  requirePlan(plan)
  requireStanding(plan, standing)
  const watches = watchesOf(plan.margins)
  const alpha = alphaOfBound(plan.alpha, watches.length, plan.stages.length)
  const metrics = watches.map((watch) => judgeMetric(watch, arms, alpha))
  const harmful = metrics.filter(({ state }) => state === 'harmful')
  if (harmful.length > 0)
    return { decision: 'roll_back', cause: 'harm', reasons: reasonsOf(harmful), metrics }
  const missing = [
    ...stageMissing(plan, standing, arms.candidate.requests),
    ...reasonsOf(metrics.filter(blocking(plan))),
  ]
  if (missing.length === 0) {
    return { decision: 'advance', cause: 'rule', reasons: [ruleText(plan, metrics.length)], metrics }
  }
  if (standing.stageMs >= plan.maxWaitMs) {
    const reasons = [
      `No verdict after ${durationText(plan.maxWaitMs)}, the longest wait of a stage.`,
      ...missing,
    ]
    return { decision: 'roll_back', cause: 'no_verdict', reasons, metrics }
  }
  return { decision: 'hold', cause: 'waiting', reasons: missing, metrics }
}

function stageMissing({ holdMs, requestsMin }: Plan, { stageMs }: Standing, requests: number): string[] {
  return [
    ...(stageMs < holdMs
      ? [`The stage lasts ${durationText(holdMs - stageMs)} more of ${durationText(holdMs)}.`]
      : []),
    ...(requests < requestsMin
      ? [`The candidate has had ${count(requests)} of ${count(requestsMin)} requests of the stage.`]
      : []),
  ]
}

/** A metric that nothing has been seen of is no reason to go on, whatever the rule. */
function blocking({ advance }: Plan): (verdict: MetricVerdict) => boolean {
  return ({ state, stable, candidate }) =>
    state === 'error' || stable.n === 0 || candidate.n === 0 || (advance === 'proven' && state !== 'harmless')
}

function reasonsOf(metrics: readonly MetricVerdict[]): string[] {
  return metrics.map(({ reason }) => reason)
}

function ruleText({ advance, alpha }: Plan, watched: number): string {
  const shown = advance === 'proven' ? 'Every metric watched is harmless' : 'No metric watched is harmful'
  return `${shown} (${watched} in all), at α ${alpha} over the whole canary.`
}

function requireStanding({ stages }: Plan, { stage, stageMs }: Standing): void {
  requireWhole('stage', stage, 0, stages.length - 1)
  if (stageMs !== 0) requirePositive('stageMs', stageMs)
}

/** `1 h 30 min`, `12 min`, `40 s`: rounded up, for what is left is not over. */
function durationText(durationMs: number): string {
  const seconds = Math.ceil(durationMs / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.ceil(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
