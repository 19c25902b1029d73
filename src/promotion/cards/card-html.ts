/** A card as one file that opens offline and runs no script; every text of a person is escaped and isolated. Pure. */

import { bulletList, definitions, htmlPage, name, section, table } from '../../evals/reports/html-parts.ts'
import { type Markup, markup } from '../../lib/markup.ts'
import { printableLine } from '../../lib/printable.ts'
import type { Block, Page } from './page.ts'

export function cardHtml({ title, facts, sections }: Page): string {
  const content = markup`<header>
<h1>${name(title)}</h1>
${definitions(facts)}</header>
${sections.map(({ title: heading, blocks }) => section(heading, blocks.map(blockMarkup)))}`
  return htmlPage(`Model card: ${printableLine(title)}`, content)
}

function blockMarkup(block: Block): Markup {
  switch (block.kind) {
    case 'facts':
      return definitions(block.facts)
    case 'list':
      return bulletList(block.items)
    case 'text':
      return markup`<p>${name(block.text)}</p>\n`
    case 'table':
      return table(
        block.head,
        block.rows.map(
          (cells) => markup`<tr>${cells.map((cell) => markup`<td class="name">${name(cell)}</td>`)}</tr>\n`,
        ),
      )
  }
}
