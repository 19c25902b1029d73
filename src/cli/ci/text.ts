/** A plan and an outcome as plain lines, for a log. Pure. */

import { formatUsd } from '../../lib/money.ts'
import { printableLine } from '../../lib/printable.ts'
import type { EvalPlan } from '../commands/evals/wire.ts'
import type { Candidate, ChangePlan, PushStep } from '../sync/plan.ts'
import { nextSteps } from './next-steps.ts'
import { keptText, leftOutText, mixedText, sparedText, unaskedText } from './notes.ts'
import { type CheckOutcome, costOf, headline, outcomeText, type SuiteOutcome } from './outcome.ts'

/** A suite that would be run, and what that takes; `problem` is why the server cannot say. */
export type Forecast = { suite: string; route: string; plan: EvalPlan | null; problem: string | null }

type Unmeasured = Pick<CheckOutcome, 'leftOut' | 'unasked' | 'spared' | 'label'>

export function planText({ pushes, candidates, kept, mixed }: ChangePlan): string {
  return linesOf([
    ...pushes.map(pushText),
    ...candidates.map(candidateText),
    ...kept.map(keptText),
    ...mixed.map((one) => `left alone: ${mixedText(one)}`),
  ])
}

export function nothingText(label: string): string {
  return `Nothing to do: no route differs from what ${label} serves.\n`
}

export function forecastText(forecasts: readonly Forecast[], rest: Unmeasured): string {
  return linesOf([...forecasts.map(suiteForecast), ...unmeasuredTexts(rest)])
}

export function suiteText({ suite, exitCode, run, baseline, isReused, reasons }: SuiteOutcome): string {
  const runs = run === null ? '' : `  ${run}${baseline === null ? '' : ` against ${baseline}`}`
  const before = run !== null && isReused ? '  measured before' : ''
  const [reason] = exitCode === 0 ? [] : reasons
  const why = reason === undefined ? '' : `  ${reason}`
  return linesOf([`  ${suite}  ${outcomeText(exitCode)}${runs}${before}${why}`])
}

export function endText(outcome: CheckOutcome): string {
  const { cost, unpriced } = costOf(outcome)
  const unknown = unpriced === 0 ? '' : ` and ${unpriced} of unknown price`
  return linesOf([
    ...unmeasuredTexts(outcome),
    ...nextSteps(outcome).map(({ says, command }) => (command === null ? says : `${says} ${command}`)),
    `${headline(outcome)}, ${formatUsd(cost)}${unknown}. No label was moved.`,
  ])
}

function unmeasuredTexts({ leftOut, unasked, spared, label }: Unmeasured): string[] {
  return [
    ...leftOut.map(leftOutText),
    ...unasked.map((one) => unaskedText(one, label)),
    ...spared.map((one) => sparedText(one, label)),
  ]
}

function suiteForecast({ suite, route, plan, problem }: Forecast): string {
  if (plan === null) return `${suite} of ${route}: ${problem ?? 'unknown'}`
  const price = plan.cost_usd === null ? 'of unknown price' : `about $${plan.cost_usd}`
  return `${suite} of ${route}: ${plan.items} items × ${plan.repeats}, ${plan.calls} calls for each release, ${price}`
}

function pushText({ kind, name, version, after, afterBy }: PushStep): string {
  return `${kind} ${name}@${version} (new)${after === 0 ? '' : `, after @${after} of ${afterBy ?? 'nobody'}`}`
}

function candidateText({ route, release, from, changes, isThere, isServed }: Candidate): string {
  const state = isThere ? 'there already' : 'new'
  const parts = changes.map(({ kind, name, to }) => `${kind} ${name}@${to}`).join(', ')
  const made = parts === '' ? 'no label serves it' : `r${from} with ${parts}`
  return `${route} r${release} (${made}), ${state}${isServed ? `, against r${from}` : ''}`
}

function linesOf(lines: readonly string[]): string {
  return lines.map((line) => `${printableLine(line)}\n`).join('')
}
