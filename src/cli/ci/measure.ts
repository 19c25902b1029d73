/** One suite over one candidate and what the label serves: runs that are there are taken, others begun and waited for. */

import { parseUsd, usdText } from '../../lib/money.ts'
import { demandFigures, followRun } from '../commands/evals/follow.ts'
import { readReport } from '../commands/evals/report.ts'
import { type EvalPlan, type EvalRun, type EvalRunProgress, runPath } from '../commands/evals/wire.ts'
import type { CliContext } from '../context.ts'
import type { SuiteFile } from '../evals.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import type { SuiteOutcome } from './outcome.ts'

export type Wish = {
  suite: SuiteFile
  /** `r13`. */
  release: string
  /** `r12`; null without a baseline. */
  against: string | null
  /** Micro-USD that may still be spent; null without a cap. */
  allowance: bigint | null
  junit: boolean
  quiet: boolean
}
type Spending = { allowance: bigint | null; cost: bigint; unpriced: number; isReused: boolean }
type ReportJson = { verdict: SuiteOutcome['verdict']; exit_code: number; reasons: string[] }

const TAG = 'ci'
const GOES_ON: readonly EvalRun['state'][] = ['stopped', 'cancelled', 'failed']

/** What the server refuses or cannot do is an outcome with its reason, so that other suites are measured all the same. */
export async function measureSuite(context: CliContext, wish: Wish): Promise<SuiteOutcome> {
  const spending: Spending = { allowance: wish.allowance, cost: 0n, unpriced: 0, isReused: true }
  let run: string | null = null
  let baseline: string | null = null
  try {
    const plan = await planSuite(context, wish.suite, wish)
    const served = plan.baseline
    if (served !== null && wish.against !== null) {
      baseline = served.run_id ?? (await finishRun(context, { ...wish, release: wish.against }, spending))
    }
    run = plan.run_id ?? (await finishRun(context, wish, spending))
    return { ...(await readVerdict(context, { ...wish, run, baseline })), ...costOf(spending) }
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    return { ...unmeasured(wish.suite.name, error), run, baseline, ...costOf(spending) }
  }
}

/** What it takes; nothing is begun. Throws CliError for a suite that cannot be run. */
export async function planSuite(
  { client }: CliContext,
  suite: SuiteFile,
  { release, against }: { release: string; against: string | null },
): Promise<EvalPlan> {
  const body = { name: suite.name, suite: suite.body, release, ...(against !== null && { against }) }
  return await client.json<EvalPlan>({ method: 'POST', path: '/api/eval-runs/plan', body })
}

/**
 * The id of the run, once it has figures. Its key is its content's hash: a check that was cut off, or runs twice at once, finds
 * the run that the other began, and goes on with one that stopped.
 */
async function finishRun(context: CliContext, wish: Wish, spending: Spending): Promise<string> {
  const { client } = context
  const { suite, release, quiet } = wish
  const { hash, run_id: finished } = await planSuite(context, suite, { release, against: null })
  if (finished !== null) return finished
  demandMoney(spending)
  const commit = await context.actions.evals.commit()
  const { run } = await client.json<{ run: EvalRun }>({
    method: 'POST',
    path: '/api/eval-runs',
    body: {
      name: suite.name,
      suite: { ...suite.body, ...budgetOf(suite, spending, 0n) },
      release,
      tags: [TAG],
      ...(commit !== null && { git_commit: commit }),
      idempotency_key: `${TAG} ${hash}`,
    },
  })
  const before = await client.json<EvalRunProgress>({ method: 'GET', path: runPath(run.id) })
  const paid = parseUsd(before.progress.cost_usd) ?? 0n
  if (GOES_ON.includes(before.state)) {
    const body = budgetOf(suite, spending, paid)
    await client.json({ method: 'POST', path: `${runPath(run.id)}/resume`, body })
  }
  const after = await followRun(context, run.id, quiet)
  spending.cost += (parseUsd(after.progress.cost_usd) ?? 0n) - paid
  spending.unpriced += after.progress.unpriced - before.progress.unpriced
  spending.isReused &&= before.state === 'done'
  demandFigures(context, after)
  return run.id
}

function demandMoney({ allowance, cost }: Spending): void {
  if (allowance === null || allowance > cost) return
  throw new CliError(EXIT.inconclusive, 'The budget of this check is spent. Go on with a larger --budget.')
}

/** The lesser of the suite's own budget and what is left, above what the run has paid before. */
function budgetOf(
  { budgetUsd }: SuiteFile,
  { allowance, cost }: Spending,
  paid: bigint,
): { budget_usd?: string } {
  const own = budgetUsd === null ? null : parseUsd(budgetUsd)
  const left = allowance === null ? null : allowance - cost + paid
  if (left === null) return own === null ? {} : { budget_usd: usdText(own) }
  return { budget_usd: usdText(own === null || own > left ? left : own) }
}

async function readVerdict(
  context: CliContext,
  { suite, run, baseline, junit }: Pick<Wish, 'suite' | 'junit'> & { run: string; baseline: string | null },
): Promise<Omit<SuiteOutcome, keyof ReturnType<typeof costOf>>> {
  const read = (format: string) => readReport(context, { run, against: baseline, format })
  const { verdict, exit_code: exitCode, reasons } = JSON.parse(await read('json')) as ReportJson
  const markdown = await read('markdown')
  const xml = junit ? await read('junit') : null
  return { suite: suite.name, verdict, exitCode, reasons, run, baseline, markdown, junit: xml }
}

function costOf({ cost, unpriced, isReused }: Spending) {
  return { cost, unpriced, isReused }
}

/** A mistake that the server names is the check's failure too: nothing was measured. */
function unmeasured(suite: string, { exitCode, message }: CliError) {
  return {
    suite,
    verdict: 'not_measured' as const,
    exitCode: exitCode === EXIT.inconclusive ? exitCode : EXIT.ours,
    reasons: [message],
    markdown: '',
    junit: null,
  }
}
