/** What of a text is read as prose, and may be said otherwise without saying something else. Pure. */

/** What is not: fenced and inline code, placeholders, addresses. */
const KEPT = /(```[\s\S]*?(?:```|$)|`[^`\n]*`|\{\{[^{}]*\}\}|\{[^{}\n]*\}|<[^<>\n]*>|\S*(?:@|:\/\/)\S*)/u

/** The parts of a text in their order; joined they are the text. */
export function proseParts(text: string): { part: string; isProse: boolean }[] {
  return text.split(KEPT).map((part, place) => ({ part, isProse: place % 2 === 0 }))
}

/** The text with its prose rewritten part by part, and all else as it stands. */
export function rewriteProse(text: string, rewrite: (prose: string) => string): string {
  return proseParts(text)
    .map(({ part, isProse }) => (isProse ? rewrite(part) : part))
    .join('')
}
