/** Pieces of a comment in GitHub's Markdown. No name or text of others can become markup, a link or a mention. Pure. */

import { escapeMarkup } from './markup.ts'
import { printable, printableLine } from './printable.ts'

/**
 * A name of others. Every sign of ASCII is a reference, which Markdown never reads as structure (CommonMark 0.31, section 2.5),
 * and GitHub looks for no mention, issue or emoji within `code`.
 */
export function inlineCode(name: string): string {
  return `<code>${references(printableLine(name))}</code>`
}

/** A sentence with names of others in it: a blank of no width after @ and # keeps them from naming anyone or anything. */
export function plainProse(text: string): string {
  return references(printableLine(text)).replace(/&#(64|35);/g, '$&\u200b')
}

/** For lines that keep their breaks: within `pre`, Markdown reads nothing up to its end. */
export function preformatted(text: string): string {
  return `<pre>\n${escapeMarkup(printable(text))}</pre>\n`
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('')
}

/** Nothing for an empty text. `summary` is markup. */
export function folded(summary: string, text: string): string {
  return text === '' ? '' : `<details><summary>${summary}</summary>\n\n${text}\n</details>\n`
}

function references(text: string): string {
  return text.replace(/[!-/:-@[-`{-~]/g, (sign) => `&#${sign.charCodeAt(0)};`)
}
