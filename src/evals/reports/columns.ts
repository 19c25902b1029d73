/** Text in columns of a terminal, measured as it shows: wide letters are two columns, colours none. Pure. */

import stringWidth from 'string-width'

/** The text followed by blanks up to `width` columns. */
export function padTo(text: string, width: number): string {
  return `${text}${' '.repeat(Math.max(0, width - stringWidth(text)))}`
}

/** At most `width` columns, with an ellipsis where something is missing. Only for text without colours. */
export function clipTo(text: string, width: number): string {
  if (stringWidth(text) <= width) return text
  return `${headOf(text, width - 1)}…`
}

/** Lines of cells, two blanks between, without trailing blanks. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const count = Math.max(0, ...rows.map((row) => row.length))
  const widths = Array.from({ length: count }, (_, at) =>
    Math.max(...rows.map((row) => stringWidth(row[at] ?? ''))),
  )
  return rows.map((row) =>
    row
      .map((cell, at) => padTo(cell, widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

/** How many columns the longest line takes. */
export function widthOf(lines: readonly string[]): number {
  return Math.max(0, ...lines.map((line) => stringWidth(line)))
}

/** Lines of at most `width` columns, broken at blanks, and inside a word that alone is longer. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/).flatMap((whole) => piecesOf(whole, width))) {
    const longer = line === '' ? word : `${line} ${word}`
    if (stringWidth(longer) <= width) line = longer
    else {
      lines.push(line)
      line = word
    }
  }
  return line === '' ? lines : [...lines, line]
}

function piecesOf(word: string, width: number): string[] {
  const pieces: string[] = []
  let rest = word
  while (stringWidth(rest) > width) {
    const head = headOf(rest, width)
    if (head === '') break
    pieces.push(head)
    rest = rest.slice(head.length)
  }
  return rest === '' ? pieces : [...pieces, rest]
}

const letters = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** The beginning that fits, whole letters only. */
function headOf(text: string, width: number): string {
  let head = ''
  let taken = 0
  for (const { segment } of letters.segment(text)) {
    taken += stringWidth(segment)
    if (taken > width) break
    head += segment
  }
  return head
}
