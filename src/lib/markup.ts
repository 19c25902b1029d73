/** The one way from a text to HTML or XML: whatever stands in a `${}` is escaped, unless it is markup itself. Pure. */

export type Markup = { readonly markup: string }

/** All that may stand in a `${}`; null is nothing. */
export type Part = string | number | null | Markup | readonly Part[]

const NAMED: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  // A parser of XML would make a line feed of it.
  '\r': '&#13;',
}
/**
 * Characters that XML 1.0 (section 2.2) does not know and no reference may name: C0 except tab, line feed and carriage return,
 * and the two last of the first plane. DEL and C1, which it advises against, are left out too.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this replaces
const NO_CHARACTERS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]/g

/** Markup of a template. Quote attributes: inside a tag only a quoted value is safe. */
export function markup(texts: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  const written = texts.map((text, at) => `${text}${at < parts.length ? partText(parts[at] ?? null) : ''}`)
  return { markup: written.join('') }
}

function partText(part: Part): string {
  if (part === null) return ''
  if (typeof part === 'string' || typeof part === 'number') return escapeMarkup(String(part))
  return 'markup' in part ? part.markup : part.map(partText).join('')
}

/** For text and quoted attributes of HTML and XML. What cannot be said becomes U+FFFD, as does half a surrogate pair. */
export function escapeMarkup(text: string): string {
  return text
    .toWellFormed()
    .replace(NO_CHARACTERS, '\ufffd')
    .replace(/[&<>"'\r]/g, (letter) => NAMED[letter] ?? '')
}
