/** What a check of a change found, and the one exit code that it ends with. Pure. */

import { usdText } from '../../lib/money.ts'
import { EXIT } from '../exit-codes.ts'
import type { Candidate, Kept } from '../sync/plan.ts'
import type { Unmet } from './suites-for.ts'

/** A verdict of the server's; `not_measured` is one that there is none of, with the reason. */
export type SuiteOutcome = {
  suite: string
  verdict: 'pass' | 'measured' | 'fail' | 'inconclusive' | 'not_measured'
  exitCode: number
  reasons: readonly string[]
  /** Ids of runs; null without one. */
  run: string | null
  baseline: string | null
  /** Whether both runs were finished before. */
  isReused: boolean
  /** Micro-USD that this check paid, of answers and judgements whose price is known, and of how many it is not. */
  cost: bigint
  unpriced: number
  /** The server's Markdown of the verdict, empty without one, and its JUnit XML when that was asked for. */
  markdown: string
  junit: string | null
}
export type PromptChange = { from: string; to: string; added: number; removed: number; text: string }
export type RouteOutcome = {
  candidate: Candidate
  /** Of the server; the plan's may have been taken meanwhile. */
  release: number
  isNew: boolean
  prompt: PromptChange | null
  suites: readonly SuiteOutcome[]
}
export type CheckOutcome = {
  label: string
  routes: readonly RouteOutcome[]
  /** Routes that changed and that no named suite asks; the person left them out on purpose. */
  leftOut: readonly string[]
  /** Releases with a change that no suite asks, of routes that the label does not serve. */
  unasked: readonly { route: string; release: number }[]
  /** Suites that a policy demands and that were not named. */
  spared: readonly Unmet[]
  kept: readonly Kept[]
  /** Versions that are in no release, `support-answer@3`. */
  unreleased: readonly string[]
  /** Routes of which somebody has to make the next release, with the model that is in it in several versions. */
  mixed: readonly { route: string; model: string }[]
}

/** Nothing differs: no release was made or would have to be, and no version is without one. */
export function isNothing({ routes, leftOut, unasked, unreleased, mixed }: CheckOutcome): boolean {
  return [routes, leftOut, unasked, unreleased, mixed].every(({ length }) => length === 0)
}

/** Fail goes first, as in a single verdict; then what broke, what was judged too little, and what was not settled. */
const WORST_FIRST = [EXIT.fail, EXIT.ours, EXIT.errorBudget, EXIT.inconclusive] as const

/** A route that people are served and nothing measured is inconclusive: nobody knows whether it is worse. */
export function exitCodeOf({ routes, mixed }: CheckOutcome): number {
  const codes = new Set(routes.flatMap(({ suites }) => suites.map(({ exitCode }) => exitCode)))
  if (mixed.length > 0 || routes.some(({ suites }) => suites.length === 0)) codes.add(EXIT.inconclusive)
  for (const code of WORST_FIRST) if (codes.has(code)) return code
  return codes.size === 0 || codes.has(EXIT.done) ? EXIT.done : EXIT.ours
}

export function costOf({ routes }: CheckOutcome): { cost: bigint; unpriced: number } {
  const suites = routes.flatMap((route) => route.suites)
  return {
    cost: suites.reduce((sum, { cost }) => sum + cost, 0n),
    unpriced: suites.reduce((sum, { unpriced }) => sum + unpriced, 0),
  }
}

/** `fail (exit 100)`. */
export function outcomeText(code: number): string {
  const words = new Map<number, string>([
    [EXIT.done, 'pass'],
    [EXIT.fail, 'fail'],
    [EXIT.inconclusive, 'inconclusive'],
    [EXIT.errorBudget, 'too little judged'],
  ])
  return `${words.get(code) ?? 'error'} (exit ${code})`
}

/** Says `pass` only of what was measured. */
export function headline(outcome: CheckOutcome): string {
  const code = exitCodeOf(outcome)
  if (outcome.routes.length > 0 || code !== EXIT.done) return outcomeText(code)
  return isNothing(outcome) ? 'nothing to do' : 'nothing was measured'
}

export function outcomeJson(outcome: CheckOutcome): object {
  const { cost, unpriced } = costOf(outcome)
  return {
    exit_code: exitCodeOf(outcome),
    against: outcome.label,
    cost_usd: usdText(cost),
    unpriced,
    routes: outcome.routes.map(routeJson),
    left_out: outcome.leftOut,
    unasked: outcome.unasked.map(({ route, release }) => ({ route, release: `r${release}` })),
    spared: outcome.spared.map(({ route, policy, suite }) => ({ route, policy, suite })),
    kept: outcome.kept,
    unreleased: outcome.unreleased,
    mixed: outcome.mixed,
  }
}

function routeJson({ candidate, release, isNew, suites }: RouteOutcome): object {
  const { route, from, changes, isServed } = candidate
  return {
    route,
    release: `r${release}`,
    created: isNew,
    against: isServed ? `r${from}` : null,
    changes,
    suites: suites.map((one) => ({
      suite: one.suite,
      verdict: one.verdict,
      exit_code: one.exitCode,
      reasons: one.reasons,
      run: one.run,
      baseline: one.baseline,
      reused: one.isReused,
      cost_usd: usdText(one.cost),
      unpriced: one.unpriced,
    })),
  }
}
