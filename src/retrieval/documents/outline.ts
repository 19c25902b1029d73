/**
 * Collects a document's blocks as Markdown: headings, paragraphs, list items, tables, code. HTML and DOCX write into it,
 * so that whatever cuts text into chunks reads one form. Never holds more than one document's text may be.
 */

import { DocumentError } from './document-error.ts'
import { MAX_TEXT_CHARS, mebibytes } from './limits.ts'
import { codeBlock, type Row, tableBlocks } from './outline-blocks.ts'

/** `tight`: no blank line between it and a tight one before it, as between the items of a list. */
type Block = { text: string; tight: boolean }
type Shape = { kind: 'paragraph' } | { kind: 'heading'; level: number } | { kind: 'item'; indent: number }

/** A place that blocks go to: the document, or a cell of a table. */
type Frame = {
  blocks: Block[]
  inline: string
  /** Whether a further blank would be one too many; looking at the text itself would copy it for every piece added. */
  afterBlank: boolean
  shape: Shape
  marker: string
  verbatim: boolean
}
type Table = { rows: Row[] }

export class Outline {
  readonly #frames: Frame[] = [newFrame()]
  readonly #tables: Table[] = []
  #chars = 0

  /** Text inside the present block. Runs of blanks and line ends become one blank, but in `startCode`. */
  write(text: string): void {
    const frame = this.#frame
    this.#count(text.length)
    if (frame.verbatim) {
      frame.inline += text
      return
    }
    const flat = text.replace(/[ \t\n\r\f\u00a0]+/g, ' ').replaceAll('\u00ad', '')
    const added = frame.afterBlank && flat.startsWith(' ') ? flat.slice(1) : flat
    frame.inline += added
    if (added !== '') frame.afterBlank = added.endsWith(' ')
  }

  breakLine(): void {
    this.#count(1)
    this.#frame.inline += '\n'
    this.#frame.afterBlank = true
  }

  /** Ends the present block; what follows is a paragraph. */
  endBlock(): void {
    const frame = this.#frame
    const text = shaped(frame)
    if (text !== '') frame.blocks.push({ text, tight: frame.shape.kind === 'item' })
    frame.inline = ''
    frame.afterBlank = true
    frame.verbatim = false
    frame.shape = { kind: 'paragraph' }
    frame.marker = ''
  }

  startHeading(level: number): void {
    this.endBlock()
    this.#frame.shape = { kind: 'heading', level: Math.min(6, Math.max(1, level)) }
  }

  /** `depth` 0 is the outermost list; `marker` is `-` or `3.`. */
  startItem(depth: number, marker: string): void {
    this.endBlock()
    this.#frame.shape = { kind: 'item', indent: Math.min(depth, MAX_INDENT) * 2 }
    this.#frame.marker = marker
  }

  /** Until `endBlock`, line ends and blanks stay as they are. */
  startCode(): void {
    this.endBlock()
    this.#frame.verbatim = true
  }

  startTable(): void {
    this.endBlock()
    this.#tables.push({ rows: [] })
  }

  startRow(): void {
    this.#tables.at(-1)?.rows.push([])
  }

  /** Outside a table and its rows it is a block of its own. */
  startCell(): void {
    const table = this.#tables.at(-1)
    if (table === undefined) {
      this.endBlock()
      return
    }
    if (table.rows.length === 0) table.rows.push([])
    this.#frames.push(newFrame())
  }

  endCell(): void {
    const row = this.#tables.at(-1)?.rows.at(-1)
    this.endBlock()
    if (row === undefined || this.#frames.length === 1) return
    row.push(joined(this.#frames.pop()?.blocks ?? []))
  }

  endTable(): void {
    const table = this.#tables.pop()
    if (table === undefined) return
    this.endBlock()
    this.#frame.blocks.push(...tableBlocks(table.rows).map((text) => ({ text, tight: false })))
  }

  /** Everything written, with a blank line between blocks. */
  text(): string {
    this.endBlock()
    return joined(this.#frame.blocks)
  }

  get #frame(): Frame {
    const frame = this.#frames.at(-1)
    if (frame === undefined) throw new Error('An outline has at least one frame.')
    return frame
  }

  #count(chars: number): void {
    this.#chars += chars
    if (this.#chars > MAX_TEXT_CHARS) {
      throw new DocumentError(
        'too_large',
        `The document has more text than ${mebibytes(MAX_TEXT_CHARS)}. Split it.`,
      )
    }
  }
}

/** Deeper lists are shown at this depth: an indent costs characters for each line. */
const MAX_INDENT = 8

function newFrame(): Frame {
  return {
    blocks: [],
    inline: '',
    afterBlank: true,
    shape: { kind: 'paragraph' },
    marker: '',
    verbatim: false,
  }
}

function joined(blocks: readonly Block[]): string {
  let text = ''
  blocks.forEach((block, at) => {
    const tight = block.tight && blocks[at - 1]?.tight === true
    text += `${at === 0 ? '' : tight ? '\n' : '\n\n'}${block.text}`
  })
  return text
}

function shaped({ inline, shape, marker, verbatim }: Frame): string {
  if (verbatim) return codeBlock(inline)
  const lines = inline
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  if (lines.length === 0) return ''
  if (shape.kind === 'heading') return `${'#'.repeat(shape.level)} ${lines.join(' ')}`
  if (shape.kind === 'paragraph') return lines.map(escapeLine).join('\n')
  const indent = ' '.repeat(shape.indent)
  const hanging = ' '.repeat(marker.length + 1)
  return lines.map((line, at) => `${indent}${at === 0 ? `${marker} ` : hanging}${line}`).join('\n')
}

/** A paragraph that begins like a heading, a fence or a table must not become one. */
function escapeLine(line: string): string {
  return /^(?:#{1,6}(?:\s|$)|```|~~~|\|)/.test(line) ? `\\${line}` : line
}
