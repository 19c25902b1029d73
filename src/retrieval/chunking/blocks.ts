/** The blocks of a text in Markdown: headings, fenced code, tables, and everything else as prose. One pass, line by line. */

import { weigh } from './tokens.ts'
import type { Span } from './words.ts'

export type Block = Span &
  ({ kind: 'heading'; level: number; title: string } | { kind: 'code' | 'table' | 'prose' })
type BlockKind = { kind: 'heading'; level: number; title: string } | { kind: 'code' | 'table' | 'prose' }

const MAX_TITLE_CHARS = 120
/** A line's beginning says what it is. */
const HEAD_CHARS = 1000

type Line = { start: number; end: number }
/** What is being read: `lines` counts, the last two starts are kept for headers of tables and underlined headings. */
type Open = {
  kind: 'prose' | 'table' | 'code'
  start: number
  end: number
  lines: number
  lastStart: number
  fence: string
}

/** Every character that is not blank is in exactly one block. */
export function* blocksOf(text: string): Generator<Block> {
  let open: Open | null = null
  for (const line of linesOf(text)) {
    const head = text.slice(line.start, Math.min(line.end, line.start + HEAD_CHARS))
    if (open?.kind === 'code') {
      open.end = line.end
      if (!closesFence(head, open.fence)) continue
      yield toBlock(text, open, { kind: 'code' })
      open = null
      continue
    }
    const before = endedBy(text, open, head, line)
    if (before !== null) {
      yield before.block
      open = before.rest
      if (before.taken) continue
    }
    const heading = headingOf(text, head, line)
    if (heading !== null) yield heading
    else if (!isBlankLine(text, line)) open = extend(open, head, line)
  }
  if (open !== null) yield toBlock(text, open, { kind: open.kind })
}

function* linesOf(text: string): Generator<Line> {
  let start = 0
  while (start < text.length) {
    const found = text.indexOf('\n', start)
    const end = found === -1 ? text.length : found
    yield { start, end }
    start = end + 1
  }
}

type Ended = { block: Block; rest: Open | null; taken: boolean }

/** The block that this line ends, and what of it goes on; null when there is none or it goes on. */
function endedBy(text: string, open: Open | null, head: string, line: Line): Ended | null {
  if (open === null) return null
  const kind = { kind: open.kind } as const
  if (isBlankLine(text, line) || fenceOf(head) !== null || atxLevel(head) > 0)
    return { block: toBlock(text, open, kind), rest: null, taken: false }
  if (open.kind !== 'prose') return null
  const level = underlineLevel(head)
  if (level > 0 && open.lines === 1) {
    const title = titleOf(text.slice(open.start, open.end))
    return {
      block: toBlock(text, { ...open, end: line.end }, { kind: 'heading', level, title }),
      rest: null,
      taken: true,
    }
  }
  if (!isDelimiterRow(head) || !text.slice(open.lastStart, open.end).slice(0, HEAD_CHARS).includes('|'))
    return null
  if (open.lines === 1) {
    open.kind = 'table'
    return null
  }
  // The line before is the table's header; what is above it is prose.
  const rest: Open = { ...open, kind: 'table', start: open.lastStart, lines: 1 }
  return { block: toBlock(text, { ...open, end: open.lastStart - 1 }, kind), rest, taken: false }
}

function extend(open: Open | null, head: string, line: Line): Open {
  if (open !== null) {
    open.end = line.end
    open.lines += 1
    open.lastStart = line.start
    return open
  }
  const fence = fenceOf(head)
  return {
    kind: fence === null ? 'prose' : 'code',
    start: line.start,
    end: line.end,
    lines: 1,
    lastStart: line.start,
    fence: fence ?? '',
  }
}

function toBlock(text: string, { start, end }: { start: number; end: number }, kind: BlockKind): Block {
  return { start, end, weight: weigh(text, start, end), ...kind }
}

function isBlankLine(text: string, { start, end }: Line): boolean {
  return text.slice(start, end).trim() === ''
}

/** The run of backticks or tildes that opens a fence. */
function fenceOf(head: string): string | null {
  return /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})/.exec(head)?.[1] ?? null
}

function closesFence(head: string, fence: string): boolean {
  const mark = head.trim()
  return mark.length >= fence.length && isRunOf(mark, fence.charAt(0))
}

function isRunOf(text: string, char: string): boolean {
  for (let at = 0; at < text.length; at += 1) if (text.charAt(at) !== char) return false
  return text !== ''
}

/** Level of `## Title`, 0 for any other line. */
function atxLevel(head: string): number {
  return /^ {0,3}(#{1,6})(?:[ \t]|$)/.exec(head)?.[1]?.length ?? 0
}

function headingOf(text: string, head: string, line: Line): Block | null {
  const level = atxLevel(head)
  if (level === 0) return null
  const title = titleOf(head.trimStart().slice(level))
  return toBlock(text, line, { kind: 'heading', level, title })
}

/** 1 under a line of `=`, 2 under one of `-`, else 0. */
function underlineLevel(head: string): number {
  const mark = head.trim()
  if (isRunOf(mark, '=')) return 1
  return isRunOf(mark, '-') ? 2 : 0
}

function titleOf(raw: string): string {
  const words = raw
    .slice(0, MAX_TITLE_CHARS * 2)
    .trim()
    .split(/\s+/u)
  if (words.length > 1 && isRunOf(words.at(-1) ?? '', '#')) words.pop()
  return words.join(' ').slice(0, MAX_TITLE_CHARS).toWellFormed().trimEnd()
}

/** The second line of a table: dashes, colons and bars. */
function isDelimiterRow(head: string): boolean {
  return head.includes('-') && head.includes('|') && /^[|:\- \t]+$/.test(head)
}
