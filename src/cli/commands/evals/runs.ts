/** `aval eval history|show|results|compare|cancel|resume|note`: runs that were begun, and what can be done with them. */

import type { Command } from 'commander'
import {
  type CliContext,
  type ListOptions,
  withExamples,
  withJson,
  withPaging,
  writeJson,
  writeNextPage,
} from '../../context.ts'
import { EXIT } from '../../exit-codes.ts'
import { formatDuration, formatFields, formatTable, formatTime, shorten } from '../../format.ts'
import type { Page } from '../../list.ts'
import { addCompare } from './compare.ts'
import { followRun } from './follow.ts'
import { demandFormats, writeReports } from './report.ts'
import { takenText } from './taken-over.ts'
import { batchText, type EvalRun, type EvalRunProgress, isOver, runPath, stateText } from './wire.ts'

type Result = {
  item: string
  repeat: number
  outcome: string
  request_id: string | null
  output: string | null
  latency_ms: number | null
  error: string | null
  cached_from: string | null
  scores: { scorer: string; outcome: string; value: number | null; reason: string }[]
}

const OUTPUT_LETTERS = 60

export function addEvalRunsCommands(evals: Command, context: CliContext): void {
  addHistory(evals, context)
  addShow(evals, context)
  addResults(evals, context)
  addCompare(evals, context)
  addCancel(evals, context)
  addResume(evals, context)
  addNote(evals, context)
}

type HistoryOptions = ListOptions & { suite?: string; subject?: string; tag?: string }

function addHistory(evals: Command, context: CliContext): void {
  withExamples(
    withPaging(
      evals
        .command('history')
        .description('runs, newest first')
        .option('--suite <name>', 'of this suite')
        .option('--subject <subject>', 'of this subject: support-answer@r13, local/reader')
        .option('--tag <tag>', 'that carry this tag'),
    ),
    'aval eval history',
    'aval eval history --suite support-answer --tag nightly',
  ).action(
    context.run(async ({ json, ...query }: HistoryOptions) => {
      const page = await context.client.json<Page<EvalRun>>({ method: 'GET', path: '/api/eval-runs', query })
      if (json) return void writeJson(context, page)
      const { terminal } = context
      if (page.data.length === 0) {
        terminal.write('No runs. Begin one: aval eval run evals/<suite>.yaml\n')
        return
      }
      const head = ['run', 'suite', 'subject', 'dataset', 'items', 'state', 'by', 'begun']
      const rows = page.data.map((run) => [
        run.id,
        run.suite,
        run.subject,
        run.dataset,
        run.repeats === 1 ? String(run.items) : `${run.items} × ${run.repeats}`,
        stateText(run),
        run.created_by_name ?? '-',
        formatTime(terminal, run.created_at),
      ])
      terminal.write(formatTable(head, rows))
      writeNextPage(context, page.next_cursor)
    }),
  )
}

type ReportOptions = { against?: string; out?: string[]; json?: boolean }

function addShow(evals: Command, context: CliContext): void {
  withExamples(
    withJson(
      evals
        .command('show')
        .argument('<run>', 'run_…')
        .description('how far a run is, and its verdict once it has ended')
        .option('--against <run>', 'another run, to set beside it')
        .option('-o, --out <files...>', 'reports: .html, .xml (JUnit), .md, .json'),
    ),
    'aval eval show run_01k…',
    'aval eval show run_01k… --against run_01k… --out report.html',
  ).action(context.run((id: string, options: ReportOptions) => show(context, id, options)))
}

async function show(
  context: CliContext,
  id: string,
  { against, out = [], json }: ReportOptions,
): Promise<number> {
  demandFormats(out)
  const run = await context.client.json<EvalRunProgress>({ method: 'GET', path: runPath(id) })
  if (isOver(run) && run.state !== 'failed') {
    if (!json) writeRun(context, run)
    return await writeReports(context, { run: id, against: against ?? null, out, json: json === true })
  }
  if (json) writeJson(context, run)
  else writeRun(context, run)
  return EXIT.done
}

function writeRun({ terminal }: CliContext, run: EvalRunProgress): void {
  const { judged, total, failed, abstained, errors, cost_usd: cost, unpriced } = run.progress
  const { taken_over: taken } = run.progress
  const price = unpriced > 0 ? `$${cost} and ${unpriced} answers or judgements of unknown price` : `$${cost}`
  terminal.write(
    formatFields([
      ['run', `${run.id}  ${stateText(run)}`],
      ['batch', batchText(run)],
      ['error', run.error],
      ['subject', run.subject],
      ['dataset', `${run.dataset}, ${run.items} items × ${run.repeats}`],
      ['judged', `${judged} of ${total}, ${failed} calls failed, ${abstained} abstained, ${errors} errors`],
      ['taken over', taken === null ? null : takenText(terminal, taken)],
      ['price', `${price}${run.budget_usd === null ? '' : ` of $${run.budget_usd}`}`],
      ['commit', run.git_commit],
      ['tags', run.tags.length === 0 ? null : run.tags.join(', ')],
      ['note', run.note],
      ['begun', `${formatTime(terminal, run.created_at)} by ${run.created_by_name ?? '-'}`],
      ['ended', run.finished_at === null ? null : formatTime(terminal, run.finished_at)],
    ]),
  )
}

function addResults(evals: Command, context: CliContext): void {
  withExamples(
    withPaging(
      evals
        .command('results')
        .argument('<run>', 'run_…')
        .description('its answers with their scores, item by item; the read is recorded'),
    ),
    'aval eval results run_01k… --limit 20',
    'aval eval results run_01k… --json',
  ).action(
    context.run(async (id: string, { json, ...query }: ListOptions) => {
      const path = `${runPath(id)}/results`
      const page = await context.client.json<Page<Result>>({ method: 'GET', path, query })
      if (json) return void writeJson(context, page)
      if (page.data.length === 0) return void context.terminal.write('Nothing has been answered yet.\n')
      const head = ['item', 'repeat', 'request', 'time', 'scores', 'answer']
      context.terminal.write(formatTable(head, page.data.map(resultRow)))
      writeNextPage(context, page.next_cursor)
    }),
  )
}

function resultRow({ item, repeat, request_id, cached_from, ...rest }: Result): string[] {
  const { latency_ms, scores, output, error } = rest
  const figures = scores.map(({ scorer, value, outcome }) => `${scorer} ${value ?? outcome}`)
  const text = (output ?? error ?? '').replaceAll(/\s+/g, ' ')
  return [
    item,
    String(repeat + 1),
    cached_from === null ? (request_id ?? '-') : `${cached_from} (taken over)`,
    formatDuration(latency_ms),
    figures.join(', '),
    shorten(text, OUTPUT_LETTERS),
  ]
}

function addCancel(evals: Command, context: CliContext): void {
  withExamples(
    withJson(
      evals
        .command('cancel')
        .argument('<run>', 'run_…')
        .description('end a run; what it has stays, and it can be gone on with'),
    ),
    'aval eval cancel run_01k…',
  ).action(
    context.run(async (id: string, { json }: { json?: boolean }) => {
      const run = await context.client.json<EvalRun>({ method: 'POST', path: `${runPath(id)}/cancel` })
      if (json) writeJson(context, run)
      else context.terminal.write(`${id} cancelled. Go on with it: aval eval resume ${id}\n`)
      return undefined
    }),
  )
}

type ResumeOptions = { budget?: string; retryErrors?: boolean; wait: boolean; json?: boolean }

function addResume(evals: Command, context: CliContext): void {
  withExamples(
    withJson(
      evals
        .command('resume')
        .argument('<run>', 'run_…')
        .description('go on with a run that stopped, failed or was cancelled; nothing is asked twice')
        .option('--budget <usd>', 'what it may spend in all from now on')
        .option('--retry-errors', 'ask and judge again what ended in an error, also of a finished run')
        .option('--no-wait', 'begin it and go'),
    ),
    'aval eval resume run_01k… --budget 5',
    'aval eval resume run_01k… --retry-errors',
  ).action(
    context.run(async (id: string, { budget, retryErrors, wait, json }: ResumeOptions) => {
      const body = {
        ...(budget !== undefined && { budget_usd: budget }),
        ...(retryErrors === true && { retry_errors: true }),
      }
      const run = await context.client.json<EvalRun>({ method: 'POST', path: `${runPath(id)}/resume`, body })
      if (!wait) {
        if (json) writeJson(context, run)
        else context.terminal.write(`${id} goes on. Look: aval eval show ${id}\n`)
        return EXIT.done
      }
      await followRun(context, id, json === true)
      return await show(context, id, { ...(json === true && { json }) })
    }),
  )
}

function addNote(evals: Command, context: CliContext): void {
  withExamples(
    withJson(
      evals
        .command('note')
        .argument('<run>', 'run_…')
        .argument('[text]', 'for whoever reads the history')
        .description('say something of a run, or tag it')
        .option('--tag <tags...>', 'in place of the tags it has'),
    ),
    'aval eval note run_01k… "the new chunker" --tag chunker',
  ).action(
    context.run(
      async (id: string, note: string | undefined, { tag, json }: { tag?: string[]; json?: boolean }) => {
        const body = { ...(note !== undefined && { note }), ...(tag !== undefined && { tags: tag }) }
        const run = await context.client.json<EvalRun>({ method: 'PATCH', path: runPath(id), body })
        if (json) writeJson(context, run)
        else
          context.terminal.write(
            formatFields([
              ['tags', run.tags.join(', ') || null],
              ['note', run.note],
            ]),
          )
        return undefined
      },
    ),
  )
}
