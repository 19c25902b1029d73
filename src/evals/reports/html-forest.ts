/** Forest plots as SVG within a page: no script, no style of their own but classes. Pure. */

import { differenceText, estimateText } from '../../lib/interval-text.ts'
import { type Markup, markup } from '../../lib/markup.ts'
import { printableLine } from '../../lib/printable.ts'
import { CONFIDENCE } from '../../lib/statistics/bootstrap.ts'
import { clipTo } from './columns.ts'
import type { Forest, ForestRow } from './forest.ts'
import { tickText } from './forest-text.ts'

/** In the units of the drawing, which the page scales. */
const WIDTH = 800
const LEFT = 210
const RIGHT = 690
const ROW = 30
const TOP = 8
const AXIS = 26
const MAX_LABEL = 30

export function forestFigure(forest: Forest): Markup {
  const height = TOP + forest.rows.length * ROW + AXIS
  const bottom = height - AXIS
  const isDifference = forest.of === 'difference'
  const nought = isDifference ? line('nought', xOf(forest, 0), TOP, bottom) : null
  return markup`<figure><svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${describe(forest)}">
${forest.ticks.map((tick) => tickMark(forest, tick, bottom))}${nought}
${forest.rows.map((row, at) => rowMark(forest, row, TOP + at * ROW + ROW / 2))}</svg>
<figcaption>${captionOf(forest)}</figcaption></figure>
`
}

/** What the picture shows, for who does not see it. */
function describe({ of, scale, rows }: Forest): string {
  const text = of === 'difference' ? differenceText : estimateText
  const each = rows.map((row) => `${printableLine(row.scorer)} ${text(scale, row)}`)
  return `${of === 'difference' ? 'Differences' : 'Estimates'}: ${each.join('; ')}`
}

function captionOf({ of, rows }: Forest): string {
  const isGated = rows.some(({ decided }) => decided !== null)
  const parts = [
    of === 'difference' ? 'Candidate − baseline, right is better.' : 'Means of the candidate.',
    rows.some(({ isTurned }) => isTurned) ? 'Turned where lower is better (↔).' : '',
    `Line: ${CONFIDENCE * 100} % interval.`,
    isGated ? 'Band: what the gate decides on, one-sided and with missing judgements at their worst.' : '',
    rows.some(({ marks }) => marks.length > 0)
      ? `Dashes: ${of === 'difference' ? 'the margin allowed' : 'the bar demanded'}.`
      : '',
  ]
  return parts.filter((part) => part !== '').join(' ')
}

function tickMark(forest: Forest, tick: number, bottom: number): Markup {
  const x = xOf(forest, tick)
  return markup`${line('grid', x, TOP, bottom)}<text class="axis" x="${x}" y="${bottom + 17}" text-anchor="middle">${tickText(forest, tick)}</text>
`
}

function rowMark(forest: Forest, row: ForestRow, y: number): Markup {
  const name = printableLine(row.scorer)
  const band = row.decided
  const decided =
    band === null
      ? null
      : markup`<rect class="decided" x="${xOf(forest, band.low)}" y="${y - 6}" width="${widthOf(forest, band)}" height="12" rx="2"/>`
  const marks = row.marks
    .filter((mark) => mark >= forest.low && mark <= forest.high)
    .map((mark) => line('mark', xOf(forest, mark), y - 12, y + 12))
  const result =
    row.verdict === null
      ? null
      : markup`<text class="result" x="${RIGHT + 14}" y="${y + 4}">${row.verdict}</text>`
  return markup`<g class="${row.verdict ?? 'measured'}"><text x="0" y="${y + 4}">${clipTo(name, MAX_LABEL)}${row.isTurned ? ' ↔' : ''}<title>${name}</title></text>${decided}<line class="interval" x1="${xOf(forest, row.low)}" x2="${xOf(forest, row.high)}" y1="${y}" y2="${y}"/>${marks}<circle class="estimate" cx="${xOf(forest, row.estimate)}" cy="${y}" r="4.5"/>${result}</g>
`
}

function line(kind: string, x: number, from: number, to: number): Markup {
  return markup`<line class="${kind}" x1="${x}" x2="${x}" y1="${from}" y2="${to}"/>`
}

/** Infinite ends stop at the edge. */
function xOf({ low, high }: Forest, value: number): number {
  const share = Math.min(1, Math.max(0, (value - low) / (high - low)))
  return Math.round((LEFT + share * (RIGHT - LEFT)) * 10) / 10
}

/** Seen even where both ends are one. */
function widthOf(forest: Forest, { low, high }: { low: number; high: number }): number {
  return Math.max(1, Math.round((xOf(forest, high) - xOf(forest, low)) * 10) / 10)
}
