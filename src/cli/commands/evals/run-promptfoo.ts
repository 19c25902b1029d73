/** `aval eval run promptfooconfig.yaml`: a run for each prompt and provider of the config, and what became of its tests. */

import { randomUUID } from 'node:crypto'
import { extname } from 'node:path'
import { type CliContext, demandConsent, writeJson } from '../../context.ts'
import type { PromptfooFile } from '../../evals.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { formatFields, formatTable, shorten } from '../../format.ts'
import { pushingItems, pushVersion } from '../datasets/push-items.ts'
import { refOf } from '../datasets/wire.ts'
import { compatibilityText } from './compatibility.ts'
import { demandFigures, followRun } from './follow.ts'
import { countTests, TEST, type TestCounts } from './promptfoo-tests.ts'
import { demandFormats, readReport, writeReportFiles } from './report.ts'
import { cacheOf, takenOverText } from './taken-over.ts'
import type { EvalPlan, EvalRun } from './wire.ts'

export type PromptfooOptions = {
  subject?: string
  release?: string
  against?: string
  tag?: string[]
  note?: string
  out?: string[]
  batch?: boolean
  cache?: boolean
  maxAge?: string
  wait: boolean
  yes?: boolean
  json?: boolean
}
/** One prompt asked of one provider. */
type Cell = { prompt: string; provider: string; body: { name: string; suite: Record<string, unknown> } }
type Finished = Cell & { run: EvalRun; tests: TestCounts; report: { exit_code?: number } }

const LABEL_LETTERS = 40

export async function runPromptfoo(
  context: CliContext,
  file: PromptfooFile,
  options: PromptfooOptions,
): Promise<number> {
  const { terminal } = context
  const quiet = options.json === true
  demandFormats(options.out ?? [])
  if (options.release !== undefined || options.against !== undefined) {
    throw new CliError(
      EXIT.usage,
      '--release and --against are for suites: promptfoo compares its providers.',
    )
  }
  const providers = providersOf(file, options.subject)
  if (!quiet) terminal.write(compatibilityText(file))
  const cells = await cellsOf(context, file, providers, options)
  const plans: EvalPlan[] = []
  for (const { body } of cells) {
    plans.push(await context.client.json<EvalPlan>({ method: 'POST', path: '/api/eval-runs/plan', body }))
  }
  if (!quiet) terminal.write(planText(plans))
  const isPaid = plans.some(({ calls, cost_usd: cost }) => calls > 0 || cost !== '0')
  if (isPaid) await demandConsent(context, options.yes, 'Run it?')
  const runs = await begin(context, cells, options)
  if (!options.wait) {
    if (quiet) writeJson(context, { compatibility: wireOf(file), runs: runs.map(({ run }) => run) })
    else for (const { run } of runs) terminal.write(`${run.id} begun. Look: aval eval show ${run.id}\n`)
    return EXIT.done
  }
  const finished: Finished[] = []
  for (const one of runs) finished.push(await finish(context, one, quiet))
  await writeFiles(context, finished, options.out ?? [])
  const code = exitCodeOf(finished, file)
  if (quiet) writeJson(context, resultJson(file, finished, code))
  else terminal.write(resultText(finished, code))
  return code
}

type Provider = PromptfooFile['providers'][number] & { subject: string }

/** Throws CliError for a provider that nobody here can ask, before anything is asked. */
function providersOf({ providers }: PromptfooFile, subject: string | undefined): Provider[] {
  if (subject !== undefined) return [{ label: subject, subject, parameters: {}, remarks: [] }]
  const unknown = providers.flatMap(({ subject: one }) => (typeof one === 'string' ? [] : [one.why]))
  if (unknown.length > 0) throw new CliError(EXIT.usage, unknown.join('\n'))
  if (providers.length > 0) return providers as Provider[]
  throw new CliError(EXIT.usage, 'The config names no provider. Say whom to ask: --subject local/reader')
}

/** The items of every prompt, as a dataset of its own, with every provider. */
async function cellsOf(
  { client }: CliContext,
  { prompts, repeats, concurrency, timeoutMs }: PromptfooFile,
  providers: readonly Provider[],
  options: PromptfooOptions,
): Promise<Cell[]> {
  const cells: Cell[] = []
  for (const { label, name, items, asksJudges } of prompts) {
    const pusher = pushingItems(client, () => {})
    for (const item of items) await pusher.add(item, Buffer.byteLength(JSON.stringify(item)))
    const dataset = refOf(await pushVersion(client, { name, items: await pusher.finish() }))
    for (const { label: provider, subject, parameters } of providers) {
      const suite = {
        dataset,
        subject,
        // Promptfoo passes when every test does: these tests are all there is, not a sample of others.
        scorers: [
          { name: TEST, kind: 'assertions', observed_at_least: 1 },
          ...(asksJudges ? [{ name: 'judges', kind: 'judged-assertions' }] : []),
        ],
        coverage: 1,
        ...(repeats !== null && { repeats }),
        ...(concurrency !== null && { concurrency }),
        ...(timeoutMs !== null && { timeout: `${Math.ceil(timeoutMs / 1000)}s` }),
        ...(Object.keys(parameters).length > 0 && { parameters }),
        ...(options.batch === true && { batch: true }),
        ...cacheOf(options, undefined),
      }
      cells.push({ prompt: label, provider, body: { name, suite } })
    }
  }
  return cells
}

async function begin(
  { client, actions }: CliContext,
  cells: readonly Cell[],
  { tag, note }: PromptfooOptions,
): Promise<(Cell & { run: EvalRun })[]> {
  const commit = await actions.evals.commit()
  const begun: (Cell & { run: EvalRun })[] = []
  for (const cell of cells) {
    const body = {
      ...cell.body,
      tags: tag ?? [],
      ...(note !== undefined && { note }),
      ...(commit !== null && { git_commit: commit }),
      idempotency_key: randomUUID(),
    }
    const { run } = await client.json<{ run: EvalRun }>({ method: 'POST', path: '/api/eval-runs', body })
    begun.push({ ...cell, run })
  }
  return begun
}

async function finish(context: CliContext, cell: Cell & { run: EvalRun }, quiet: boolean): Promise<Finished> {
  demandFigures(context, await followRun(context, cell.run.id, quiet))
  if (!quiet) {
    const shown = await readReport(context, { run: cell.run.id, against: null, format: 'terminal' })
    context.terminal.write(shown)
  }
  const report = JSON.parse(await readReport(context, { run: cell.run.id, against: null, format: 'json' }))
  return { ...cell, tests: await countTests(context, cell.run.id), report }
}

/** Of several runs each has its own files: report-1.html, report-2.html. */
async function writeFiles(
  context: CliContext,
  finished: readonly Finished[],
  out: readonly string[],
): Promise<void> {
  for (const [at, { run }] of finished.entries()) {
    const files = out.map((file) => {
      const ending = extname(file)
      return finished.length === 1 ? file : `${file.slice(0, -ending.length)}-${at + 1}${ending}`
    })
    await writeReportFiles(context, { run: run.id, against: null, out: files })
  }
}

/**
 * 100 when a test failed, 102 when one was not evaluated or not run, 0 when all passed. Never 0 for what was not judged;
 * and an upstream that is away is no failed test.
 */
function exitCodeOf(finished: readonly Finished[], { compatibility }: PromptfooFile): number {
  const codes = finished.map(({ report }) => report.exit_code ?? EXIT.ours)
  if (compatibility.leftOut.length > 0) codes.push(EXIT.errorBudget)
  const order = [EXIT.ours, EXIT.fail, EXIT.errorBudget, EXIT.inconclusive]
  return order.find((code) => codes.includes(code)) ?? EXIT.done
}

function planText(plans: readonly EvalPlan[]): string {
  const costs = plans.map(({ cost_usd: cost }) => cost)
  const known = costs.filter((cost) => cost !== null).reduce((sum, cost) => sum + Number(cost), 0)
  const price = costs.includes(null) ? 'unknown; see: aval price set --help' : `about $${known}`
  return formatFields([
    ['runs', plans.map(({ dataset, subject }) => `${dataset} of ${subject}`).join(', ')],
    ['taken over', takenOverText(plans.map(({ taken_over: there }) => there))],
    ['calls', String(plans.reduce((sum, { calls }) => sum + calls, 0))],
    ['price', known === 0 && !costs.includes(null) ? 'nothing' : price],
  ])
}

function resultText(finished: readonly Finished[], code: number): string {
  const rows = finished.map(({ prompt, provider, tests, run }) => [
    shorten(prompt, LABEL_LETTERS),
    provider,
    String(tests.passed),
    String(tests.failed),
    String(tests.notEvaluated),
    run.id,
  ])
  const head = ['prompt', 'provider', 'passed', 'failed', 'not evaluated', 'run']
  const missed = finished.flatMap(({ prompt, provider, tests }) =>
    tests.missed.map(({ test, outcome, reason }) => [
      test,
      shorten(prompt, LABEL_LETTERS),
      provider,
      outcome,
      reason,
    ]),
  )
  const why = missed.length === 0 ? '' : formatTable(['test', 'prompt', 'provider', 'is', 'why'], missed)
  return `${formatTable(head, rows)}${why}exit ${code}\n`
}

function resultJson(file: PromptfooFile, finished: readonly Finished[], code: number): object {
  return {
    exit_code: code,
    compatibility: wireOf(file),
    runs: finished.map(({ prompt, provider, run, tests, report }) => ({
      prompt,
      provider,
      run: run.id,
      tests: {
        passed: tests.passed,
        failed: tests.failed,
        not_evaluated: tests.notEvaluated,
        missed: tests.missed,
      },
      report,
    })),
  }
}

function wireOf({ compatibility: { leftOut, ...rest }, providers }: PromptfooFile): object {
  const remarks = providers.flatMap(({ label, remarks: own }) => own.map((one) => `${label}: ${one}`))
  return { ...rest, left_out: leftOut, provider_remarks: remarks }
}
