/** What pages for people are built of: one file that opens offline, runs no script and loads nothing. Pure. */

import { type Markup, markup, type Part } from '../../lib/markup.ts'
import { printableLine } from '../../lib/printable.ts'
import { sha256 } from '../../lib/sha256.ts'
import { REPORT_STYLE } from './html-style.ts'

/** Style by its hash, all else refused (CSP level 3). */
const POLICY = `default-src 'none'; style-src 'sha256-${sha256(REPORT_STYLE).toString('base64')}'; base-uri 'none'; form-action 'none'`

/** The whole file; `title` is on one line. */
export function htmlPage(title: string, content: Markup): string {
  const page = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${{ markup: REPORT_STYLE }}</style>
</head>
<body><main>
${content}</main></body>
</html>
`
  return page.markup
}

export function section(title: string, content: Part): Markup {
  return markup`<section><h2>${title}</h2>
${content}</section>
`
}

/** A text of others on one line. */
export function name(text: string): Markup {
  return markup`<bdi>${printableLine(text)}</bdi>`
}

export function definitions(facts: readonly (readonly [label: string, value: string])[]): Markup {
  return markup`<dl>
${facts.map(([label, value]) => markup`<dt>${label}</dt><dd>${name(value)}</dd>\n`)}</dl>
`
}

export function table(head: readonly string[], rows: readonly Markup[]): Markup {
  return markup`<div class="scroll"><table><thead><tr>${head.map((title) => markup`<th scope="col">${title}</th>`)}</tr></thead><tbody>
${rows}</tbody></table></div>
`
}

export function figure(text: string): Markup {
  return markup`<td class="figure">${text}</td>`
}

export function bulletList(items: readonly string[]): Markup {
  return markup`<ul>
${items.map((item) => markup`<li>${name(item)}</li>\n`)}</ul>
`
}
