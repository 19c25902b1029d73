/** `aval sync`: brings the registry up to the files of prompts/ and model-versions/. Adds; never moves or removes. */

import type { Command } from 'commander'
import { printable } from '../../lib/printable.ts'
import {
  type CliContext,
  demandConsent,
  type SyncFile,
  withExamples,
  withJson,
  writeJson,
} from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { type Look, startProgress } from '../progress.ts'
import { type Applied, applyPlan } from '../sync/apply.ts'
import { hasDrift, type Plan, planSync } from '../sync/plan.ts'
import { appliedJson, appliedText, nextText, planJson, planText, workText } from '../sync/plan-text.ts'
import { readRegistryState } from '../sync/registry-state.ts'

type Options = { yes?: boolean; check?: boolean; json?: boolean }

/** As many answers as a small registry needs; a bar before would only flash. */
const SHORT_LOOKS = 10
const READ_LOOK: Look = {
  bar: 'reading the registry  {looks} lists',
  line: ({ done }) => `${done} lists of the registry read`,
}

export function addSyncCommand(program: Command, context: CliContext): void {
  withExamples(
    withJson(
      program
        .command('sync')
        .description(
          'bring the registry up to the files of prompts/ and model-versions/, and make releases with what changed',
        )
        .option('--check', 'change nothing; exit 1 when files and registry differ')
        .option('--yes', 'do not ask'),
    ),
    'aval sync',
    'aval sync --yes',
    'aval sync --check',
    'aval sync --json                # the plan alone; with --yes what became of it too',
  ).action(context.run((options: Options) => sync(context, options)))
}

async function sync(context: CliContext, options: Options): Promise<number> {
  const { terminal } = context
  if (options.check && options.yes) {
    throw new CliError(EXIT.usage, '--check changes nothing, and --yes would. Leave one out.')
  }
  const files = await readFiles(context)
  const plan = await makePlan(context, files, options)
  const isEmpty = plan.pushes.length + plan.releases.length === 0
  // JSON is for programs, and nobody could answer them.
  const isPlanOnly = options.check || isEmpty || (options.json && !options.yes)
  if (!options.json) terminal.write(planText(plan))
  if (isPlanOnly) {
    if (options.json) writeJson(context, { ...planned(plan), applied: false })
    return options.check && hasDrift(plan) ? EXIT.ours : EXIT.done
  }
  await demandConsent(context, options.yes, `Apply ${workText(plan)}?`)
  await apply(context, plan, files, options)
  return EXIT.done
}

async function readFiles({ actions }: CliContext): Promise<readonly SyncFile[]> {
  const { files, problems } = await actions.sync.files()
  if (problems.length > 0) {
    const message = `${printable(problems.join('\n'))}\nNothing was changed. Mend the files, then run aval sync again.`
    throw new CliError(EXIT.usage, message)
  }
  if (files.length > 0) return files
  throw new CliError(
    EXIT.emptyInput,
    'There is nothing to sync here: no prompts/<name>.yaml and no model-versions/<name>.yaml. Run it where they lie.',
  )
}

async function makePlan(
  { client, terminal }: CliContext,
  files: readonly SyncFile[],
  options: Options,
): Promise<Plan> {
  const progress = startProgress(terminal, READ_LOOK, options.json === true || !terminal.interactive)
  try {
    const { versions, releases } = await readRegistryState(client, files, (looks) => {
      if (looks > SHORT_LOOKS) progress.update({ done: looks, total: null, words: { looks: String(looks) } })
    })
    return planSync(files, versions, releases)
  } finally {
    progress.stop()
  }
}

async function apply(
  context: CliContext,
  plan: Plan,
  files: readonly SyncFile[],
  { json }: Options,
): Promise<void> {
  const { client, terminal, stop } = context
  const applied: Applied[] = []
  const onApplied = (one: Applied) => {
    applied.push(one)
    if (!json) terminal.write(appliedText(one))
  }
  if (!json) terminal.write('\n')
  try {
    await applyPlan(client, plan, files, { onApplied, stop })
  } finally {
    // Also when a step was refused: what was added is there and stays.
    if (json) {
      const whole = applied.length === plan.pushes.length + plan.releases.length
      writeJson(context, {
        ...planned(plan),
        applied: whole,
        results: applied.map(appliedJson),
      })
    }
  }
  if (!json) terminal.write(nextText(plan, applied))
}

function planned(plan: Plan): { plan: object[]; unchanged: number } {
  return { plan: planJson(plan), unchanged: plan.unchanged }
}
