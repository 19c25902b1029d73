/** Forest plots in characters: one line for each scorer, every character one column wide. Pure. */

import { signedText, valueText } from '../../lib/interval-text.ts'
import { printableLine } from '../../lib/printable.ts'
import { CONFIDENCE } from '../../lib/statistics/bootstrap.ts'
import { clipTo, padTo, widthOf } from './columns.ts'
import type { Forest, ForestRow } from './forest.ts'

const MAX_LABEL = 28
const MIN_PLOT = 20
const MAX_PLOT = 72
/** The longest verdict and the blanks before it. */
const VERDICT = '  inconclusive'.length

const INTERVAL = '─'
const DECIDED = '═'
const ESTIMATE = '●'
const NOUGHT = '│'
const MARK = '┊'
const BELOW = '<'
const ABOVE = '>'
const TURNED = '*'

/** `─ 95 % interval, ═ what the gate decides on, …`: what the characters mean, for below the plots. */
export function forestKey(forests: readonly Forest[]): string {
  const rows = forests.flatMap((forest) => forest.rows)
  const has = (of: Forest['of']) =>
    forests.some((forest) => forest.of === of && forest.rows.some(({ marks }) => marks.length > 0))
  const marked = [has('difference') ? '-margin' : '', has('estimate') ? 'bar' : ''].filter(
    (one) => one !== '',
  )
  return [
    `${ESTIMATE} estimate`,
    `${INTERVAL} ${CONFIDENCE * 100} % interval`,
    rows.some(({ decided }) => decided !== null) ? `${DECIDED} what the gate decides on` : '',
    marked.length > 0 ? `${MARK} ${marked.join(' or ')}` : '',
    forests.some(({ of }) => of === 'difference') ? `${NOUGHT} no difference` : '',
    rows.some(({ isTurned }) => isTurned) ? `${TURNED} turned, as lower is better` : '',
  ]
    .filter((one) => one !== '')
    .join(', ')
}

/** The lines of one plot, at most `width` columns, at least 50. Without trailing blanks. */
export function forestLines(forest: Forest, width: number): string[] {
  const names = forest.rows.map(
    ({ scorer, isTurned }) => `${clipTo(printableLine(scorer), MAX_LABEL)}${isTurned ? TURNED : ''}`,
  )
  const label = widthOf(names)
  const plot = Math.max(MIN_PLOT, Math.min(MAX_PLOT, width - label - 2 - VERDICT))
  const lines = forest.rows.map((row, at) => {
    const cells = rowCells(forest, row, plot)
    return `${padTo(names[at] ?? '', label)}  ${cells}${row.verdict === null ? '' : `  ${row.verdict}`}`
  })
  const title = forest.of === 'difference' ? 'difference, right is better' : 'estimate'
  return [title, ...lines, `${' '.repeat(label + 2)}${axisText(forest, plot)}`].map((line) => line.trimEnd())
}

function rowCells(forest: Forest, row: ForestRow, plot: number): string {
  const cells = new Array<string>(plot).fill(' ')
  const at = (value: number) => columnOf(forest, value, plot)
  const put = (value: number, letter: string) => {
    if (value >= forest.low && value <= forest.high) cells[at(value)] = letter
  }
  cells.fill(INTERVAL, at(row.low), at(row.high) + 1)
  if (row.decided !== null) cells.fill(DECIDED, at(row.decided.low), at(row.decided.high) + 1)
  if (forest.of === 'difference') put(0, NOUGHT)
  for (const mark of row.marks) put(mark, MARK)
  put(row.estimate, ESTIMATE)
  if (row.low < forest.low) cells[0] = BELOW
  if (row.high > forest.high) cells[plot - 1] = ABOVE
  return cells.join('')
}

function columnOf({ low, high }: Forest, value: number, plot: number): number {
  const share = (value - low) / (high - low)
  return Math.round(Math.min(1, Math.max(0, share)) * (plot - 1))
}

/** Labels of ticks below their columns; one that would touch the label before it is left out. */
function axisText(forest: Forest, plot: number): string {
  let line = ''
  for (const tick of forest.ticks) {
    const text = tickText(forest, tick)
    const from = columnOf(forest, tick, plot) - Math.floor(text.length / 2)
    if (from + text.length > plot || from < (line === '' ? 0 : line.length + 2)) continue
    line = `${line.padEnd(from)}${text}`
  }
  return line
}

/** As many digits as the tick has: they are round. */
export function tickText({ of, scale }: Forest, tick: number): string {
  const text = of === 'difference' ? signedText(scale, tick) : valueText(scale, tick)
  return scale === 'unbounded' ? text : text.replace(/\.?0+$/, '')
}
