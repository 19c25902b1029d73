/** Tables and code as Markdown. Pure text in, text out. */

/** The text of each cell; more than one line where a cell holds more than one block. */
export type Row = string[]

/** A cell with more is prose that a page was laid out with, and no value. */
const MAX_CELL_CHARS = 500

/** The table as one block; its cells' blocks one after another when it only arranges a page. */
export function tableBlocks(rows: readonly Row[]): string[] {
  const filled = rows.filter((row) => row.some((cell) => cell !== ''))
  if (filled.length === 0) return []
  const width = filled.reduce((most, row) => Math.max(most, row.length), 0)
  if (width === 1 || filled.some((row) => row.some(isProse)))
    return filled.flat().filter((cell) => cell !== '')
  const [header = [], ...body] = filled
  const separator = `|${' --- |'.repeat(header.length)}`
  return [[rowLine(header), separator, ...body.map(rowLine)].join('\n')]
}

function isProse(cell: string): boolean {
  return cell.length > MAX_CELL_CHARS || /^(?:#{1,6} |\||```)/m.test(cell)
}

function rowLine(row: Row): string {
  return `| ${row.map((cell) => cell.replace(/\s+/g, ' ').replaceAll('|', '\\|')).join(' | ')} |`
}

/** A fenced block; its fence is longer than any run of backticks inside. Empty when there is nothing in it. */
export function codeBlock(code: string): string {
  const body = code.replace(/^(?:[ \t]*\n)+/, '').trimEnd()
  if (body === '') return ''
  const longest = [...body.matchAll(/`{3,}/g)].reduce((most, [run]) => Math.max(most, run.length), 2)
  const fence = '`'.repeat(longest + 1)
  return `${fence}\n${body}\n${fence}`
}
