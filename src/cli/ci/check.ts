/** A check from its plan to its outcome: datasets, versions and releases are added, then one suite after the other is measured. */

import { pushBeside } from '../commands/evals/push-beside.ts'
import type { CliContext } from '../context.ts'
import type { SuiteFile } from '../evals.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { type Applied, applyPlan } from '../sync/apply.ts'
import type { Candidate, ChangePlan } from '../sync/plan.ts'
import { appliedText } from '../sync/plan-text.ts'
import { measureSuite, planSuite } from './measure.ts'
import type { CheckOutcome, RouteOutcome, SuiteOutcome } from './outcome.ts'
import { demandPolicySuites } from './policy-suites.ts'
import { readPromptChange } from './prompt-change.ts'
import type { ChangeFiles } from './read-files.ts'
import { type Measured, scopeOf } from './scope.ts'
import { routeOf } from './suites-for.ts'
import { type Forecast, suiteText } from './text.ts'

export type CheckSettings = {
  /** What the change is compared with. */
  label: string
  /** Micro-USD for all runs together; null without a cap. */
  budget: bigint | null
  junit: boolean
  /** Suites were named: other routes are no matter of this check. */
  isNamed: boolean
  quiet: boolean
}

/** What the suites would take, reckoned for the release that the change begins with: the new one is not there yet. */
export async function forecast(
  context: CliContext,
  measured: readonly Measured[],
): Promise<readonly Forecast[]> {
  const forecasts: Forecast[] = []
  for (const { candidate, suites } of measured) {
    const { route, from } = candidate
    for (const suite of suites) {
      try {
        const plan = await planSuite(context, suite, { release: `r${from}`, against: null })
        forecasts.push({ suite: suite.name, route, plan, problem: null })
      } catch (error) {
        if (!(error instanceof CliError)) throw error
        forecasts.push({ suite: suite.name, route, plan: null, problem: problemOf(suite, error) })
      }
    }
  }
  return forecasts
}

/** Only a dry run meets a dataset that nobody has pushed: a check pushes it before it asks. */
function problemOf({ dataset }: SuiteFile, { code, message }: CliError): string {
  if (code !== 'not_found' || dataset.file === null) return message
  return `the server does not have ${dataset.name} yet. The check pushes it, and what it takes is known then.`
}

/** Throws CliError before a version or a release is made when the server refuses a suite, and when it refuses one of them. */
export async function check(
  context: CliContext,
  { files, suites }: ChangeFiles,
  plan: ChangePlan,
  settings: CheckSettings,
): Promise<CheckOutcome> {
  demandRoutes(suites, settings)
  const scope = scopeOf(plan, suites, settings.isNamed)
  const { measured, leftOut, unasked, mixed } = scope
  const spared = await demandPolicySuites(context.client, scope, suites, settings)
  for (const suite of new Set(measured.flatMap((one) => one.suites))) {
    await pushBeside(context, suite.dataset, settings.quiet)
  }
  await demandPlans(context, measured)
  const applied = await apply(context, plan, files, settings)
  return {
    label: settings.label,
    routes: await measureAll(context, measured, applied, settings),
    leftOut,
    unasked: unasked.map((candidate) => ({
      route: candidate.route,
      release: madeOf(candidate, applied).release,
    })),
    spared,
    kept: plan.kept,
    unreleased: unreleasedOf(plan, applied),
    mixed: mixed.map(({ route, model }) => ({ route, model })),
  }
}

/** A suite that was named on purpose and asks no route would be left out in silence. */
function demandRoutes(suites: readonly SuiteFile[], { isNamed }: CheckSettings): void {
  const [other] = isNamed ? suites.filter((suite) => routeOf(suite) === null) : []
  if (other === undefined) return
  const message = `--suite ${other.name}: it asks no route, so no change of a release is measured by it. aval eval run takes it.`
  throw new CliError(EXIT.usage, message)
}

async function demandPlans(context: CliContext, measured: readonly Measured[]): Promise<void> {
  const forecasts = await forecast(context, measured)
  const problems = forecasts.flatMap(({ suite, problem }) =>
    problem === null ? [] : [`evals/${suite}.yaml: ${problem}`],
  )
  if (problems.length > 0) throw new CliError(EXIT.usage, problems.join('\n'))
}

async function apply(
  { client, terminal, stop }: CliContext,
  { pushes, candidates }: ChangePlan,
  files: ChangeFiles['files'],
  { quiet }: CheckSettings,
): Promise<readonly Applied[]> {
  const applied: Applied[] = []
  const onApplied = (one: Applied) => {
    applied.push(one)
    if (!quiet) terminal.write(appliedText(one))
  }
  const releases = candidates.filter(({ isThere }) => !isThere)
  const rest = { behind: [], noFile: [], mixed: [], unchanged: 0 }
  await applyPlan(client, { pushes, releases, ...rest }, files, { onApplied, stop })
  return applied
}

async function measureAll(
  context: CliContext,
  measured: readonly Measured[],
  applied: readonly Applied[],
  settings: CheckSettings,
): Promise<readonly RouteOutcome[]> {
  const routes: RouteOutcome[] = []
  let allowance = settings.budget
  for (const { candidate, suites } of measured) {
    const { release, isNew } = madeOf(candidate, applied)
    const numberOf = (name: string, planned: number) =>
      applied.find((one) => one.kind === 'prompt' && one.name === name)?.number ?? planned
    const prompt = await readPromptChange(context, candidate, numberOf)
    const outcomes: SuiteOutcome[] = []
    for (const suite of suites) {
      const outcome = await measureNext(context, { candidate, suite, release, allowance }, settings)
      if (allowance !== null) allowance -= outcome.cost
      outcomes.push(outcome)
    }
    routes.push({ candidate, release, isNew, prompt, suites: outcomes })
  }
  return routes
}

async function measureNext(
  context: CliContext,
  next: { candidate: Candidate; suite: SuiteFile; release: number; allowance: bigint | null },
  { junit, quiet }: CheckSettings,
): Promise<SuiteOutcome> {
  if (context.stop.aborted)
    throw new CliError(EXIT.ours, 'Stopped. Run aval ci again: it goes on where it was.')
  const { candidate, suite, release, allowance } = next
  const outcome = await measureSuite(context, {
    suite,
    release: `r${release}`,
    against: candidate.isServed ? `r${candidate.from}` : null,
    allowance,
    junit,
    quiet,
  })
  if (!quiet) context.terminal.write(suiteText(outcome))
  return outcome
}

function madeOf(
  { route, release }: Candidate,
  applied: readonly Applied[],
): { release: number; isNew: boolean } {
  const made = applied.find(({ action, name }) => action === 'release' && name === route)
  return { release: made?.number ?? release, isNew: made?.created ?? false }
}

/** First versions of prompts: no file says which route they are for. */
function unreleasedOf({ pushes }: ChangePlan, applied: readonly Applied[]): string[] {
  return pushes
    .filter(({ kind, after }) => kind === 'prompt' && after === 0)
    .map(({ name, version }) => {
      const made = applied.find((one) => one.kind === 'prompt' && one.name === name)
      return `${name}@${made?.number ?? version}`
    })
}
