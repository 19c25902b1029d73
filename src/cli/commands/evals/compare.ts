/** `aval eval compare`: two runs as a report, or several runs of one question against the first of them, in one table. */

import type { Command } from 'commander'
import { differenceText, estimateText, probabilityText, type Scale } from '../../../lib/interval-text.ts'
import { holm } from '../../../lib/statistics/multiple.ts'
import { type CliContext, withExamples, withJson, writeJson } from '../../context.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { formatTable, shorten } from '../../format.ts'
import { demandFormats, readReport, writeReports } from './report.ts'
import { runPath } from './wire.ts'

type Interval = { estimate: number; low: number; high: number }
type ScorerReport = {
  scorer: string
  values: Scale
  estimate: Interval | null
  compared: { baseline: Interval | null; difference: (Interval & { p: number }) | null } | null
}
type ItemScores = { scorer: string; kind: string; runs: { mean: number | null }[] }
/** What is read here of a report in JSON. */
type RunReport = {
  verdict: string
  exit_code: number
  run: { id: string; subject: string }
  baseline: { id: string; subject: string; shared_items: number } | null
  scorers: ScorerReport[]
  item_changes: {
    scorers: ({ scorer: string } & Record<string, number | string>)[]
    items: { item_id: string; scores: ItemScores[] }[]
  } | null
}
/** Of one scorer, between the first run and another. */
type Compared = { run: string; scorer: string; p: number; adjusted_p: number }

/** Each is a report of its own; more do not fit a screen. */
const MAX_CANDIDATES = 8
const MAX_ITEMS = 15
const LETTERS = 30

export function addCompare(evals: Command, context: CliContext): void {
  withExamples(
    withJson(
      evals
        .command('compare')
        .argument('<baseline>', 'run_…')
        .argument('<candidates...>', 'run_…, one for a report, more for a table')
        .description('runs over the items that they share with the first, with the differences')
        .option('-o, --out <files...>', 'reports of two runs: .html, .xml (JUnit), .md, .json'),
    ),
    'aval eval compare run_01k… run_01k…',
    'aval eval compare run_01k… run_01k… --out diff.html',
    'aval eval compare run_01k… run_01k… run_01k…',
  ).action(
    context.run(
      async (
        against: string,
        candidates: readonly string[],
        { out = [], json = false }: { out?: string[]; json?: boolean },
      ) => {
        for (const run of [against, ...candidates]) runPath(run)
        const [run = ''] = candidates
        if (candidates.length === 1) {
          demandFormats(out)
          return await writeReports(context, { run, against, out, json })
        }
        demandSeveral(against, candidates, out)
        return await compareSeveral(context, against, candidates, json)
      },
    ),
  )
}

function demandSeveral(against: string, candidates: readonly string[], out: readonly string[]): void {
  if (out.length > 0) {
    throw new CliError(
      EXIT.usage,
      '--out writes the report of two runs: name one candidate, or take --json of several.',
    )
  }
  if (new Set([against, ...candidates]).size <= candidates.length) {
    throw new CliError(EXIT.usage, 'A run is named twice: name each of them once.')
  }
  if (candidates.length > MAX_CANDIDATES) {
    throw new CliError(
      EXIT.usage,
      `${candidates.length} candidates: at most ${MAX_CANDIDATES} are compared at once.`,
    )
  }
}

async function compareSeveral(
  context: CliContext,
  against: string,
  candidates: readonly string[],
  json: boolean,
): Promise<number> {
  const reports: RunReport[] = []
  for (const run of candidates) {
    reports.push(JSON.parse(await readReport(context, { run, against, format: 'json' })) as RunReport)
  }
  const compared = adjust(reports)
  if (json) writeJson(context, { baseline: against, reports, differences: compared })
  else {
    context.terminal.write(formatTable(HEAD, scorerRows(against, reports, compared)))
    const items = itemRows(reports)
    if (items.length > 0) {
      const runs = reports.map((_, at) => `RUN ${at + 2}`)
      context.terminal.write(`\n${formatTable(['ITEM', 'SCORER', 'RUN 1', ...runs], items)}`)
      context.terminal.write('A dot: not among the items that the run changed most.\n')
    }
    context.terminal.write(
      `\np is adjusted for all ${compared.length} differences shown (Holm). Two of them as a report: aval eval compare ${against} ${candidates[0]} --out diff.html\n`,
    )
  }
  return worstOf(reports.map(({ exit_code: code }) => code))
}

const HEAD = ['SCORER', 'RUN', 'SUBJECT', 'ESTIMATE', 'DIFFERENCE', 'P', 'ITEMS', 'WORSE', 'BETTER']

/** p of every difference, as one family: whoever looks at many finds something by chance. */
function adjust(reports: readonly RunReport[]): Compared[] {
  const found = reports.flatMap(({ run, scorers }) =>
    scorers.flatMap(({ scorer, compared }) => {
      const p = compared?.difference?.p ?? null
      return p === null ? [] : [{ run: run.id, scorer, p }]
    }),
  )
  const adjusted = holm(found.map(({ p }) => p))
  return found.map((one, at) => ({ ...one, adjusted_p: adjusted[at] ?? 1 }))
}

/** Scorer by scorer, the first run above the others. */
function scorerRows(
  against: string,
  reports: readonly RunReport[],
  compared: readonly Compared[],
): string[][] {
  const names = [...new Set(reports.flatMap(({ scorers }) => scorers.map(({ scorer }) => scorer)))]
  return names.flatMap((name) => {
    const shown = reports.map((report, at) => {
      const scorer = report.scorers.find((one) => one.scorer === name)
      const p = compared.find((one) => one.run === report.run.id && one.scorer === name)?.adjusted_p ?? null
      return [
        name,
        `${at + 2} ${report.run.id}`,
        shorten(report.run.subject, LETTERS),
        ...figures(scorer, p, report),
      ]
    })
    const own = reports.map(({ scorers }) => scorers.find(({ scorer }) => scorer === name)).find(Boolean)
    const subject = shorten(reports[0]?.baseline?.subject ?? '-', LETTERS)
    // Over the items that it shares with the first candidate that has the scorer.
    const first = own === undefined ? '-' : estimateText(own.values, own.compared?.baseline ?? null)
    return [[name, `1 ${against}`, subject, first, '-', '-', '-', '-', '-'], ...shown]
  })
}

function figures(scorer: ScorerReport | undefined, p: number | null, report: RunReport): string[] {
  if (scorer === undefined) return ['-', '-', '-', '-', '-', '-']
  const changes = report.item_changes?.scorers.find((one) => one.scorer === scorer.scorer)
  const count = (kind: string) => (changes === undefined ? '-' : String(changes[kind] ?? 0))
  return [
    estimateText(scorer.values, scorer.estimate),
    differenceText(scorer.values, scorer.compared?.difference ?? null),
    probabilityText(p),
    count('compared'),
    count('newly_failing'),
    count('newly_passing'),
  ]
}

/** Items among those that any of them changed most, those first that several did; a dot for a run that changed others more, or not this one. */
function itemRows(reports: readonly RunReport[]): string[][] {
  const rows = new Map<string, { cells: string[]; changed: number }>()
  for (const [at, { item_changes: changes }] of reports.entries()) {
    for (const { item_id: item, scores } of changes?.items ?? []) {
      for (const { scorer, runs } of scores) {
        const key = JSON.stringify([item, scorer])
        const [first, own] = runs.map(({ mean }) => (mean === null ? '-' : String(Number(mean.toFixed(3)))))
        const untold = reports.map(() => '·')
        const row = rows.get(key) ?? {
          cells: [shorten(item, LETTERS), scorer, first ?? '-', ...untold],
          changed: 0,
        }
        row.cells[3 + at] = own ?? '-'
        rows.set(key, { ...row, changed: row.changed + 1 })
      }
    }
  }
  return [...rows.values()]
    .toSorted((a, b) => b.changed - a.changed)
    .slice(0, MAX_ITEMS)
    .map(({ cells }) => cells)
}

/** A failure of one is a failure; then too many errors, then what is not decided. */
function worstOf(codes: readonly number[]): number {
  const order: readonly number[] = [EXIT.ours, EXIT.fail, EXIT.errorBudget, EXIT.inconclusive]
  return order.find((code) => codes.includes(code)) ?? EXIT.done
}
