/** `aval ci`: checks the files of a change, makes candidates of them, measures these, and says on one page what came of it. */

import type { Command } from 'commander'
import { parseUsd } from '../../lib/money.ts'
import { type CheckSettings, check, forecast } from '../ci/check.ts'
import { commentText, mistakesText } from '../ci/comment.ts'
import { junitText, notMeasured } from '../ci/junit.ts'
import { type CheckOutcome, exitCodeOf, isNothing, outcomeJson } from '../ci/outcome.ts'
import { demandPolicySuites } from '../ci/policy-suites.ts'
import { type ChangeFiles, readChangeFiles } from '../ci/read-files.ts'
import { scopeOf } from '../ci/scope.ts'
import { endText, forecastText, nothingText, planText } from '../ci/text.ts'
import { type CliContext, withExamples, withJson, writeJson } from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { type ChangePlan, planChange } from '../sync/plan.ts'
import { readRegistryState } from '../sync/registry-state.ts'

type Options = {
  suite?: string[]
  against: string
  comment?: string
  junit?: string
  budget?: string
  dryRun?: boolean
  json?: boolean
}

export function addCiCommand(program: Command, context: CliContext): void {
  withExamples(
    withJson(
      program
        .command('ci')
        .description(
          'check the prompts, models and suites of a change: candidates, suites, verdicts, a comment',
        )
        .option('--suite <files...>', 'run these alone (default: all of evals/ that ask a changed route)')
        .option('--against <label>', 'what the change is compared with', 'production')
        .option('--comment <file>', 'write a comment for the pull request, as Markdown')
        .option('--junit <file>', 'write a JUnit file')
        .option('--budget <usd>', 'what all runs of this check may spend together')
        .option('--dry-run', 'say what would be made, run and paid, and make nothing'),
    ),
    'aval ci',
    'aval ci --comment comment.md --junit junit.xml',
    'aval ci --suite evals/support-answer.yaml --against staging --budget 2.50',
    'aval ci --dry-run',
  ).action(context.run((options: Options) => ci(context, options)))
}

async function ci(context: CliContext, options: Options): Promise<number> {
  let outcome: CheckOutcome
  try {
    const settings = settingsOf(options)
    const files = await readChangeFiles(context.actions, options.suite ?? null)
    const plan = await planOf(context, files, settings.label)
    if (options.dryRun) return await dryRun(context, files, plan, settings)
    if (!settings.quiet) context.terminal.write(planText(plan))
    outcome = await check(context, files, plan, settings)
  } catch (error) {
    if (!options.dryRun) await writeMistakes(context, options, error)
    throw error
  }
  return await finish(context, options, outcome)
}

/** A pull request is told of mistakes too; whoever waits for the files may be asking nobody else, and those of an earlier check would lie. */
async function writeMistakes(
  { actions, terminal }: CliContext,
  { comment, junit }: Options,
  error: unknown,
): Promise<void> {
  const { exitCode, message } =
    error instanceof CliError
      ? error
      : { exitCode: EXIT.ours, message: 'Aval failed. Its output has the error.' }
  const texts = [
    [comment, mistakesText(exitCode, message)],
    [junit, notMeasured('aval ci', message)],
  ] as const
  for (const [path, text] of texts) {
    if (path === undefined) continue
    try {
      await actions.evals.write(path, text)
    } catch (refusal) {
      // The mistakes end the check; that the disk refuses comes on top.
      if (!(refusal instanceof CliError)) throw refusal
      terminal.writeError(`${refusal.message}\n`)
    }
  }
}

function settingsOf({ against, budget, comment, junit, dryRun, json, suite }: Options): CheckSettings {
  if (!/^(?!r\d+$)[a-z0-9][a-z0-9-]{0,62}$/.test(against)) {
    throw new CliError(EXIT.usage, `--against ${against.slice(0, 80)}: write a label such as production.`)
  }
  const cap = budget === undefined ? null : parseUsd(budget)
  if (budget !== undefined && cap === null) {
    throw new CliError(EXIT.usage, `--budget ${budget.slice(0, 40)}: write an amount such as 2.50.`)
  }
  if (dryRun && (comment !== undefined || junit !== undefined)) {
    throw new CliError(EXIT.usage, '--dry-run measures nothing to write of. Leave --comment and --junit out.')
  }
  return {
    label: against,
    budget: cap,
    junit: junit !== undefined,
    isNamed: suite !== undefined,
    quiet: json === true,
  }
}

async function planOf({ client }: CliContext, { files }: ChangeFiles, label: string): Promise<ChangePlan> {
  const { versions, releases } = await readRegistryState(client, files, () => undefined)
  // The release that the label serves is the one to begin with, whatever production serves.
  const served = releases.map((release) => ({ ...release, production: release.labels.includes(label) }))
  if (label !== 'production' && !served.some(({ production }) => production)) {
    const message = `--against ${label}: no route has this label. aval label list shows what there is.`
    throw new CliError(EXIT.usage, message)
  }
  return planChange(files, versions, served)
}

async function dryRun(
  context: CliContext,
  files: ChangeFiles,
  plan: ChangePlan,
  settings: CheckSettings,
): Promise<number> {
  const scope = scopeOf(plan, files.suites, settings.isNamed)
  const { measured, leftOut, unasked, mixed } = scope
  const spared = await demandPolicySuites(context.client, scope, files.suites, settings)
  const forecasts = await forecast(context, measured)
  if (settings.quiet) {
    writeJson(context, {
      pushes: plan.pushes,
      candidates: plan.candidates.map((one) => ({
        ...one,
        release: `r${one.release}`,
        from: `r${one.from}`,
      })),
      kept: plan.kept,
      mixed,
      left_out: leftOut,
      unasked: unasked.map(({ route, release }) => ({ route, release: `r${release}` })),
      spared: spared.map(({ route, policy, suite }) => ({ route, policy, suite })),
      suites: forecasts,
    })
    return EXIT.done
  }
  const isEmpty = plan.pushes.length + plan.candidates.length + plan.mixed.length === 0
  const text = isEmpty
    ? nothingText(settings.label)
    : `${forecastText(forecasts, { ...scope, spared, label: settings.label })}Nothing was made.\n`
  context.terminal.write(`${planText(plan)}${text}`)
  return EXIT.done
}

async function finish(
  context: CliContext,
  { comment, junit, json }: Options,
  outcome: CheckOutcome,
): Promise<number> {
  const { terminal, actions } = context
  if (comment !== undefined) await actions.evals.write(comment, commentText(outcome))
  if (junit !== undefined) await actions.evals.write(junit, junitText(outcome))
  if (json) writeJson(context, outcomeJson(outcome))
  else terminal.write(isNothing(outcome) ? nothingText(outcome.label) : endText(outcome))
  return exitCodeOf(outcome)
}
