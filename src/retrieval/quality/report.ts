/** Runs over one query set side by side, with intervals and differences: as people read them and as programs do. Pure. */

import { seededRandom } from '../../lib/random.ts'
import {
  CONFIDENCE,
  type Interval,
  intervalOfMean,
  RESAMPLES,
  type Settings,
} from '../../lib/statistics/bootstrap.ts'
import { comparePaired, type PairedInterval } from '../../lib/statistics/sign-flip.ts'
import { METRICS, type Metric, NDCG_DEPTH, type RunMetrics } from './metrics.ts'

/** Null where no query could be measured. */
type PerMetric<Value> = Record<Metric, Value | null>

export type SetReport = {
  set: string
  /** How deep recall and precision look. */
  k: number
  /** Measured queries, and the groups that intervals are over; the same number where nobody named groups. */
  queries: number
  groups: number
  /** Left out: judged, but nothing relevant to find. */
  withoutRelevant: number
  baseline: string
  rows: { name: string; unanswered: number; metrics: PerMetric<Interval> }[]
  /** Every other row minus the baseline. */
  differences: { name: string; metrics: PerMetric<PairedInterval> }[]
  resamples: number
  seed: number
}

type Measured = {
  set: string
  /** Such as `text`, `vector`, `hybrid`, or two index versions: all over the same judgements and k. */
  rows: readonly { name: string; run: RunMetrics }[]
  /** The row that the others are compared with. */
  baseline: string
  /** Query id → what it shares with others; a query that is not here is a group of its own. */
  groups?: ReadonlyMap<string, string>
  seed?: number
  resamples?: number
}

/** Fewer groups than this and a percentile interval is clearly narrower than it says. */
const FEW_GROUPS = 30
const DEFAULT_SEED = 1

/**
 * Intervals of every row and paired differences to the baseline. Each figure draws from its own generator of the same
 * seed, so that it does not depend on what else is in the report. Throws RangeError when the baseline is no row, or rows
 * measure different queries or another k.
 */
export function reportSet(measured: Measured): SetReport {
  const { set, rows, baseline, seed = DEFAULT_SEED, resamples = RESAMPLES } = measured
  const base = rows.find(({ name }) => name === baseline)
  if (base === undefined) throw new RangeError(`${set}: no row is called "${baseline}".`)
  for (const { name, run } of rows) checkSame(set, base, { name, run })
  const queries = base.run.queries
  const groups = measured.groups && queries.map(({ id }) => groupOf(id, measured.groups))
  const settings = (): Settings => ({ random: seededRandom(seed), resamples, groups })
  const others = rows.filter((row) => row !== base)
  return {
    set,
    k: base.run.k,
    queries: queries.length,
    groups: groups === undefined ? queries.length : new Set(groups).size,
    withoutRelevant: base.run.withoutRelevant,
    baseline,
    rows: rows.map(({ name, run }) => ({
      name,
      unanswered: run.unanswered,
      metrics: perMetric((metric) => intervalOfMean(valuesOf(run, metric), settings())),
    })),
    differences: others.map(({ name, run }) => ({
      name,
      metrics: perMetric((metric) =>
        comparePaired(valuesOf(base.run, metric), valuesOf(run, metric), settings()),
      ),
    })),
    resamples,
    seed,
  }
}

type Row = { name: string; run: RunMetrics }

function checkSame(set: string, base: Row, row: Row): void {
  const isSame =
    base.run.k === row.run.k &&
    base.run.queries.length === row.run.queries.length &&
    base.run.queries.every(({ id }, at) => row.run.queries[at]?.id === id)
  if (!isSame)
    throw new RangeError(`${set}: "${base.name}" and "${row.name}" measure different queries or depths.`)
}

/** Marked, so that no name of a group meets the id of a query that has none. */
function groupOf(id: string, groups: ReadonlyMap<string, string> | undefined): string {
  const group = groups?.get(id)
  return group === undefined ? `query ${id}` : `group ${group}`
}

function valuesOf(run: RunMetrics, metric: Metric): number[] {
  return run.queries.map(({ metrics }) => metrics[metric])
}

function perMetric<Value>(of: (metric: Metric) => Value | null): PerMetric<Value> {
  return {
    ndcg: of('ndcg'),
    recall: of('recall'),
    reciprocalRank: of('reciprocalRank'),
    precision: of('precision'),
  }
}

/** What people read: for each set a table of rows, one of differences, and what must be said about them. */
export function qualityText(reports: readonly SetReport[]): string {
  return reports
    .map((report) => [titleOf(report), rowsText(report), differencesText(report), notesText(report)])
    .map((parts) => parts.join(''))
    .join('\n')
}

function titleOf({ set, queries, groups }: SetReport): string {
  const over =
    groups === queries ? `${counted(queries, 'query', 'queries')}` : `${groups} groups of ${queries} queries`
  return `${set}: ${over}, means with ${CONFIDENCE * 100} % intervals\n\n`
}

function rowsText(report: SetReport): string {
  const cell = (of: Interval | null) =>
    of === null ? '-' : `${of.mean.toFixed(3)} [${of.low.toFixed(3)}, ${of.high.toFixed(3)}]`
  return columns([
    ['', ...METRICS.map((metric) => labelOf(metric, report.k))],
    ...report.rows.map(({ name, metrics }) => [name, ...METRICS.map((metric) => cell(metrics[metric]))]),
  ])
}

function differencesText(report: SetReport): string {
  if (report.differences.length === 0) return ''
  const cell = (of: PairedInterval | null) =>
    of === null ? '-' : `${signed(of.mean)} [${signed(of.low)}, ${signed(of.high)}] ${probability(of.p)}`
  return `\n${columns([
    [`minus ${report.baseline}`, ...report.differences.map(({ name }) => name)],
    ...METRICS.map((metric) => [
      labelOf(metric, report.k),
      ...report.differences.map(({ metrics }) => cell(metrics[metric])),
    ]),
  ])}`
}

function notesText(report: SetReport): string {
  const notes = notesOf(report).map((note) => `${note}\n`)
  return notes.length === 0 ? '' : `\n${notes.join('')}`
}

/** Sentences without which the figures mislead. */
export function notesOf(report: SetReport): string[] {
  const { set, k, queries, groups, withoutRelevant, baseline } = report
  if (queries === 0) return [`${set}: no query has a relevant document, so nothing was measured.`]
  const notes = report.differences.flatMap(({ name, metrics }) => {
    const open = METRICS.filter((metric) => includesZero(metrics[metric])).map((metric) => labelOf(metric, k))
    if (open.length === 0) return []
    return [
      `${name} and ${baseline}: the interval of ${open.join(', ')} includes 0; ${counted(queries, 'query does', 'queries do')} not tell them apart there.`,
    ]
  })
  if (groups < FEW_GROUPS) {
    notes.push(
      `Only ${counted(groups, 'group', 'groups')} to draw from: the intervals are narrower than they say.`,
    )
  }
  if (withoutRelevant > 0) {
    notes.push(
      `Left out: ${counted(withoutRelevant, 'judged query', 'judged queries')} without a relevant document.`,
    )
  }
  for (const { name, unanswered } of report.rows) {
    if (unanswered > 0)
      notes.push(`${name}: ${counted(unanswered, 'query', 'queries')} without an answer, counted as 0.`)
  }
  return notes
}

/** True when nothing says which of the two is better. */
function includesZero(difference: PairedInterval | null): boolean {
  return difference !== null && difference.low <= 0 && difference.high >= 0
}

/** What programs read: one object for each set, names in snake case. */
export function qualityJson(reports: readonly SetReport[]): object[] {
  return reports.map((report) => ({
    set: report.set,
    k: report.k,
    queries: report.queries,
    groups: report.groups,
    without_relevant: report.withoutRelevant,
    baseline: report.baseline,
    confidence: CONFIDENCE,
    resamples: report.resamples,
    seed: report.seed,
    rows: report.rows.map(({ name, unanswered, metrics }) => ({
      name,
      unanswered,
      ...keyed(metrics, ({ mean, low, high }) => ({ mean, low, high })),
    })),
    differences: report.differences.map(({ name, metrics }) => ({
      name,
      ...keyed(metrics, (difference) => {
        const { mean, low, high, p } = difference
        return { mean, low, high, p, includes_zero: includesZero(difference) }
      }),
    })),
    notes: notesOf(report),
  }))
}

const JSON_KEYS: Readonly<Record<Metric, string>> = {
  ndcg: `ndcg_at_${NDCG_DEPTH}`,
  recall: 'recall_at_k',
  reciprocalRank: 'mrr',
  precision: 'precision_at_k',
}

function keyed<Value>(
  metrics: PerMetric<Value>,
  show: (value: Value) => object,
): Record<string, object | null> {
  return Object.fromEntries(
    METRICS.map((metric) => {
      const value = metrics[metric]
      return [JSON_KEYS[metric], value === null ? null : show(value)]
    }),
  )
}

function labelOf(metric: Metric, k: number): string {
  return {
    ndcg: `nDCG@${NDCG_DEPTH}`,
    recall: `recall@${k}`,
    reciprocalRank: 'MRR',
    precision: `precision@${k}`,
  }[metric]
}

function signed(value: number): string {
  const text = value.toFixed(3)
  return value >= 0 && !text.startsWith('-') ? `+${text}` : text
}

function probability(p: number): string {
  return p < 0.001 ? 'p <0.001' : `p ${p.toFixed(3)}`
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`
}

/** Left-aligned, two blanks between. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)))
  return rows
    .map((row) => `${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')}`.trimEnd())
    .map((line) => `${line}\n`)
    .join('')
}
