/** A card as Markdown that reads well on a terminal too: no text of a person can become markup, a link or a mention. Pure. */

import { printableLine } from '../../lib/printable.ts'
import type { Block, Page } from './page.ts'

/**
 * What means something in the middle of a line (CommonMark 0.31, section 6; GitHub's tables, strikethrough and formulas). A
 * bracket alone is one; it begins no link unless another one, a parenthesis or a definition follows it.
 */
const INLINE = /[\\`*|~$]|<(?=[a-z/!?])|&(?=[#\w])|\](?=[([:])/gi
/** Underscores within a word are none of an emphasis (CommonMark 0.31, section 6.2), and ids have them. */
const UNDERSCORE = /(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu
/** What begins a heading, a list, a task, a definition or a quotation at the beginning of a block (sections 4 and 5). */
const FIRST = /^([#+=>[-]|\d{1,9}(?=[.)]))/
/** GitHub makes links of addresses, and mentions of names and numbers. */
const ADDRESS = /:(?=\/\/)|(?<=\bwww)\./gi
const MENTION = /(?<![\p{L}\p{N}])@(?=[\p{L}\p{N}])|#(?=[\p{L}\p{N}])/gu
const MAIL = /@(?=[\w-]+\.\w)/g
const NO_WIDTH = '\u200b'

export function cardMarkdown({ title, facts, sections }: Page): string {
  const parts = [
    `# ${escapeMarkdown(title)}\n`,
    blockText({ kind: 'facts', facts }),
    ...sections.flatMap((section) => [
      `## ${escapeMarkdown(section.title)}\n`,
      ...section.blocks.map(blockText),
    ]),
  ]
  return parts.join('\n')
}

function blockText(block: Block): string {
  switch (block.kind) {
    case 'facts':
      return block.facts.map(([label, value]) => `- **${label}**: ${escapeMarkdown(value)}\n`).join('')
    case 'list':
      return block.items.map((item) => `- ${escapeFirst(escapeMarkdown(item))}\n`).join('')
    case 'text':
      return `${escapeFirst(escapeMarkdown(block.text))}\n`
    case 'table': {
      const row = (cells: readonly string[]) => `| ${cells.map(escapeMarkdown).join(' | ')} |\n`
      return [
        row(block.head),
        `| ${block.head.map(() => '---').join(' | ')} |\n`,
        ...block.rows.map(row),
      ].join('')
    }
  }
}

/** On one line. A backslash before a sign of ASCII says that it is meant (CommonMark 0.31, section 2.4). */
function escapeMarkdown(text: string): string {
  return printableLine(text)
    .replaceAll(/\s+/g, ' ')
    .trim()
    .replaceAll(INLINE, '\\$&')
    .replaceAll(UNDERSCORE, '\\_')
    .replaceAll(ADDRESS, (sign) => `\\${sign}`)
    .replaceAll(MENTION, `$&${NO_WIDTH}`)
    .replaceAll(MAIL, `@${NO_WIDTH}`)
}

/** Of a text with which a block begins. */
function escapeFirst(text: string): string {
  return text.replace(FIRST, (sign) => (/\d/.test(sign) ? `${sign}\\` : `\\${sign}`))
}
