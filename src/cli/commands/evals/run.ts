/** `aval eval run`: says what a suite takes, asks, has a worker run it, and prints what the figures are worth. */

import { randomUUID } from 'node:crypto'
import type { Command } from 'commander'
import { type CliContext, demandConsent, withExamples, withJson, writeJson } from '../../context.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { formatFields } from '../../format.ts'
import { demandFigures, followRun } from './follow.ts'
import { pushBeside } from './push-beside.ts'
import { demandFormats, writeReports } from './report.ts'
import { runPromptfoo } from './run-promptfoo.ts'
import { cacheOf, takenOverText } from './taken-over.ts'
import type { EvalPlan, EvalRun } from './wire.ts'

type Options = {
  subject?: string
  release?: string
  against?: string
  tag?: string[]
  note?: string
  grader?: string
  out?: string[]
  batch?: boolean
  cache?: boolean
  maxAge?: string
  wait: boolean
  yes?: boolean
  json?: boolean
}
type Made = { run: EvalRun; baseline: EvalRun | null }

export function addEvalRunCommand(evals: Command, context: CliContext): void {
  withExamples(
    withJson(
      evals
        .command('run')
        .argument('<suite>', 'a file such as evals/support-answer.yaml, or a promptfooconfig.yaml')
        .description(
          'run a suite: price and reach first, then the answers, the scores, a verdict with intervals',
        )
        .option('--subject <subject>', 'ask this one instead: a route, route@r12, upstream/model')
        .option('--release <release>', 'ask this one of the route instead: r13, or a label')
        .option(
          '--against <baseline>',
          'compare with a label, another release, or a run: production, r12, run_…',
        )
        .option('--tag <tags...>', 'to find it by')
        .option('--grader <model>', 'who judges what models judge in a promptfooconfig.yaml: upstream/model')
        .option('--note <text>', 'for whoever reads the history')
        .option(
          '-o, --out <files...>',
          'reports beside the one on the screen: .html, .xml (JUnit), .md, .json',
        )
        .option('--batch', "ask through the upstream's batch API: within a day, at its price for batches")
        .option(
          '--cache',
          'take over what earlier runs of the project have asked already, not older than 7 d',
        )
        .option('--no-cache', 'ask everything anew, whatever the suite says')
        .option('--max-age <age>', 'take over what is not older than this: 12h, 30d')
        .option('--no-wait', 'begin it and go')
        .option('--yes', 'do not ask'),
    ),
    'aval eval run evals/support-answer.yaml',
    'aval eval run evals/support-answer.yaml --release r13 --against production --out report.html junit.xml',
    'aval eval run evals/support-answer.yaml --yes --json',
    'aval eval run evals/support-answer.yaml --batch --no-wait',
    'aval eval run evals/support-answer.yaml --cache --max-age 2d',
    'aval eval run promptfooconfig.yaml --subject local/reader',
    'aval eval run promptfooconfig.yaml --grader openai/gpt-4.1',
  ).action(context.run((file: string, options: Options) => run(context, file, options)))
}

async function run(context: CliContext, file: string, options: Options): Promise<number> {
  const { client, terminal, actions } = context
  const out = options.out ?? []
  const quiet = options.json === true
  demandFormats(out)
  const promptfoo = await actions.evals.promptfoo(file, options.grader)
  if (promptfoo !== null) return await runPromptfoo(context, promptfoo, options)
  if (options.grader !== undefined) {
    throw new CliError(EXIT.usage, '--grader is for configs of promptfoo: a suite names its judges itself.')
  }
  const suite = await actions.evals.suite(file)
  await pushBeside(context, suite.dataset, quiet)
  const wish = {
    name: suite.name,
    suite: {
      ...suite.body,
      ...(options.subject !== undefined && { subject: options.subject }),
      ...(options.batch === true && { batch: true }),
      ...cacheOf(options, suite.body.cache),
    },
    ...(options.release !== undefined && { release: options.release }),
    ...(options.against !== undefined && { against: options.against }),
  }
  const plan = await client.json<EvalPlan>({ method: 'POST', path: '/api/eval-runs/plan', body: wish })
  if (!quiet) terminal.write(planText(plan, suite.budgetUsd))
  if (plan.calls > 0 || plan.cost_usd !== '0') await demandConsent(context, options.yes, 'Run it?')
  const commit = await actions.evals.commit()
  const made = await client.json<Made>({
    method: 'POST',
    path: '/api/eval-runs',
    body: {
      ...wish,
      tags: options.tag ?? [],
      ...(options.note !== undefined && { note: options.note }),
      ...(commit !== null && { git_commit: commit }),
      // A call that was cut off and is sent again finds the run that it began.
      idempotency_key: randomUUID(),
    },
  })
  if (!options.wait) {
    if (quiet) writeJson(context, made)
    else terminal.write(`${made.run.id} begun. Look: aval eval show ${made.run.id}\n`)
    return EXIT.done
  }
  for (const one of [made.baseline, made.run]) {
    if (one !== null) demandFigures(context, await followRun(context, one.id, quiet))
  }
  return await writeReports(context, {
    run: made.run.id,
    against: made.baseline?.id ?? null,
    out,
    json: quiet,
  })
}

function planText(plan: EvalPlan, budget: string | null): string {
  const { baseline } = plan
  const calls = plan.calls + (baseline?.calls ?? 0)
  return formatFields([
    ['subject', plan.subject],
    [
      'against',
      baseline === null
        ? null
        : `${baseline.subject}${baseline.run_id === null ? ', which has to be run too' : `, measured by ${baseline.run_id}`}`,
    ],
    [
      'dataset',
      `${plan.dataset}, ${plan.items} items${plan.repeats === 1 ? '' : ` × ${plan.repeats} repeats`}`,
    ],
    ['taken over', takenOverText([plan.taken_over, baseline?.taken_over ?? null])],
    ['calls', String(calls)],
    ['price', `${priceText(plan)}${budget === null ? '' : `, of at most $${budget}`}`],
    ['sees', plan.sees.map(seesText).join(', ')],
  ])
}

function priceText({ cost_usd: cost, cost_rests: rests, calls, taken_over: there }: EvalPlan): string {
  if (calls === 0 && cost === '0' && there === null) return 'nothing: the outputs are recorded'
  if (cost === null) return 'unknown; see: aval price set --help'
  return cost === '0' ? `nothing: ${rests}` : `about $${cost} by ${rests}`
}

/** Said as people say shares: in points of a hundred. */
function seesText({ scorer, difference }: EvalPlan['sees'][number]): string {
  if (difference === null) return `${scorer}: unknown before a first run`
  if (difference >= 1) return `${scorer}: none, with so few items`
  return `${scorer}: differences from ${(difference * 100).toFixed(1)} points`
}
