/** A report for a terminal: facts, a table with intervals, forest plots, reasons, the verdict. Names are made printable here. Pure. */

import pc from 'picocolors'
import { differenceText, estimateText, probabilityText, valueText } from '../../lib/interval-text.ts'
import { printableLine } from '../../lib/printable.ts'
import type { Gate } from '../runs/gates.ts'
import type { ScorerVerdict, Verdict } from '../runs/verdict.ts'
import { clipTo, columns, padTo, widthOf, wrap } from './columns.ts'
import { FLIPS_HEAD, flipRows } from './flip-rows.ts'
import { forestsOf } from './forest.ts'
import { forestKey, forestLines } from './forest-text.ts'
import type { ItemComparison } from './items.ts'
import { judgeSentences } from './judges.ts'
import { demandText } from './numbers.ts'
import { repeatSentences } from './repeats.ts'
import { counted, factsOf, outcomeText, type Report } from './report.ts'

export type TerminalSettings = {
  /** False with NO_COLOR or without a terminal: the caller knows. */
  colors: boolean
  /** Columns; below 50 lines are longer than it. */
  width: number
}

type Colors = ReturnType<typeof pc.createColors>
type Paint = (text: string) => string

const MIN_WIDTH = 50
const SHOWN_ITEMS = 10
const MAX_ITEM_ID = 40

/** Lines that end with a line feed, without trailing blanks. */
export function renderTerminal(report: Report, { colors: isColored, width }: TerminalSettings): string {
  const colors = pc.createColors(isColored)
  const columnsWide = Math.max(MIN_WIDTH, width)
  const parts = [
    factLines(report, colors, columnsWide),
    scorerLines(report.verdict, colors, columnsWide),
    flipLines(report.verdict, colors, columnsWide),
    plotLines(report.verdict, colors, columnsWide),
    report.items === null ? [] : itemLines(report.items, colors, columnsWide),
    repeatSentences(report.verdict.scorers).flatMap((line) => wrapped(printableLine(line), columnsWide)),
    judgeSentences(report.verdict.scorers).flatMap((line) => wrapped(printableLine(line), columnsWide)),
    report.verdict.reasons.flatMap((reason) => wrapped(printableLine(reason), columnsWide)),
    [paintOf(report.verdict.verdict, colors)(colors.bold(outcomeText(report)))],
  ]
  return parts
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n')
}

function paintOf(verdict: Verdict['verdict'], colors: Colors): Paint {
  if (verdict === 'fail') return colors.red
  if (verdict === 'inconclusive') return colors.yellow
  return verdict === 'pass' ? colors.green : (text) => text
}

/** Goes on further in, so that a new sentence stands out. */
function wrapped(text: string, width: number): string[] {
  return wrap(text, width - 2).map((line, at) => (at === 0 ? line : `  ${line}`))
}

function factLines(report: Report, colors: Colors, width: number): string[] {
  const facts = factsOf(report)
  const label = widthOf(facts.map(([name]) => name)) + 2
  return facts.flatMap(([name, value]) => {
    const [first = '', ...rest] = wrap(printableLine(value), width - label)
    return [`${colors.dim(padTo(name, label))}${first}`, ...rest.map((line) => `${' '.repeat(label)}${line}`)]
  })
}

/** One table where it fits; else readings and gates below the figures of each; else the figures below each other too. */
function scorerLines({ scorers }: Verdict, colors: Colors, width: number): string[] {
  const isCompared = scorers.some(({ compared }) => compared !== null)
  const [titles = '', ...lines] = columns(wideTable(scorers, isCompared, colors))
  if (widthOf([titles, ...lines]) <= width) return [colors.dim(titles), ...lines]
  const [heads = '', ...figures] = columns(figureTable(scorers, isCompared))
  if (widthOf([heads, ...figures]) > width)
    return scorers.flatMap((scorer) => stacked(scorer, isCompared, colors, width))
  const says = scorers.map((scorer) => readings(scorer, colors).map((line) => `  ${line}`))
  return [colors.dim(heads), ...figures.flatMap((line, at) => [line, ...(says[at] ?? [])])]
}

function headOf(isCompared: boolean): string[] {
  return isCompared ? ['baseline', 'candidate', 'difference'] : ['estimate']
}

function figuresOf({ values, estimate, compared }: ScorerVerdict, isCompared: boolean): string[] {
  if (!isCompared) return [estimateText(values, estimate)]
  return [
    estimateText(values, compared?.baseline ?? null),
    estimateText(values, estimate),
    differenceText(values, compared?.difference ?? null),
  ]
}

function figureTable(scorers: readonly ScorerVerdict[], isCompared: boolean): string[][] {
  const rows = scorers.map((scorer) => [printableLine(scorer.scorer), ...figuresOf(scorer, isCompared)])
  return [['scorer', ...headOf(isCompared)], ...rows]
}

function wideTable(scorers: readonly ScorerVerdict[], isCompared: boolean, colors: Colors): string[][] {
  const hasGates = scorers.some(({ gates }) => gates.length > 0)
  const reads = isCompared ? ['reads'] : []
  const rows = scorers.flatMap((scorer) => {
    const figures = [...figuresOf(scorer, isCompared), ...reads.map(() => readsText(scorer, colors))]
    const [first = '', ...more] = scorer.gates.map((gate) => gateText(gate, colors))
    return [
      [printableLine(scorer.scorer), ...figures, first],
      // A second gate has a line of its own under the first.
      ...more.map((gate) => ['', ...figures.map(() => ''), gate]),
    ]
  })
  return [['scorer', ...headOf(isCompared), ...reads, ...(hasGates ? ['gate'] : [])], ...rows]
}

function readings(scorer: ScorerVerdict, colors: Colors): string[] {
  const reads = readsText(scorer, colors)
  return [...(reads === '' ? [] : [reads]), ...scorer.gates.map((gate) => gateText(gate, colors))]
}

function stacked(scorer: ScorerVerdict, isCompared: boolean, colors: Colors, width: number): string[] {
  const names = headOf(isCompared)
  const figures = figuresOf(scorer, isCompared).map((figure, at) => [`  ${names[at] ?? ''}`, figure])
  return [
    clipTo(printableLine(scorer.scorer), width),
    ...columns(figures),
    ...readings(scorer, colors).map((line) => `  ${line}`),
  ]
}

function readsText({ compared }: ScorerVerdict, colors: Colors): string {
  if (compared === null || compared.difference === null) return ''
  const { reads, adjustedP } = compared
  if (reads === 'no difference seen') return reads
  const text = `${reads}, ${probabilityText(adjustedP)}`
  return reads === 'better' ? colors.green(text) : colors.red(text)
}

function gateText(gate: Gate, colors: Colors): string {
  return `${demandText(gate)}: ${paintOf(gate.verdict, colors)(gate.verdict)}`
}

function flipLines(verdict: Verdict, colors: Colors, width: number): string[] {
  const rows = flipRows(verdict)
  if (rows.length === 0) return []
  const named = rows.map(([scorer = '', perturbation = '', ...cells]) => [
    printableLine(scorer),
    clipTo(printableLine(perturbation), MAX_ITEM_ID),
    ...cells,
  ])
  const [titles = '', ...lines] = columns([FLIPS_HEAD, ...named]).map((line) => clipTo(line, width))
  return [colors.dim(titles), ...lines]
}

function plotLines(verdict: Verdict, colors: Colors, width: number): string[] {
  const forests = forestsOf(verdict)
  if (forests.length === 0) return []
  const plots = forests.flatMap((forest) => {
    const [title = '', ...lines] = forestLines(forest, width)
    const painted = lines.map((line, at) => {
      const row = forest.rows[at]
      if (row === undefined) return colors.dim(line)
      return row.verdict === null ? line : paintOf(row.verdict, colors)(line)
    })
    return [colors.dim(title), ...painted, '']
  })
  return [...plots, ...wrap(forestKey(forests), width).map((line) => colors.dim(line))]
}

function itemLines({ items, runs }: ItemComparison, colors: Colors, width: number): string[] {
  if (items.length === 0) return []
  const shown = items.slice(0, SHOWN_ITEMS)
  const rows = shown.flatMap(({ itemId, scores }) =>
    scores.map(({ scorer, kind, scores: means }) => [
      clipTo(printableLine(itemId), MAX_ITEM_ID),
      printableLine(scorer),
      kind,
      means.map(({ mean }) => (mean === null ? '-' : valueText('unbounded', mean))).join(' → '),
    ]),
  )
  const head = ['item', 'scorer', 'change', runs.length > 1 ? 'mean' : 'value']
  const [titles = '', ...lines] = columns([head, ...rows]).map((line) => clipTo(line, width))
  const rest = items.length - shown.length
  return [
    colors.dim(titles),
    ...lines,
    ...(rest === 0 ? [] : [colors.dim(`and ${counted(rest)} more items`)]),
  ]
}
