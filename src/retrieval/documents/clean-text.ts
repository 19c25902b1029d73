/**
 * One form for the text of every document: NFC, `\n` line ends, no control or invisible steering characters, no halves
 * of characters. What comes out can be stored, compared and hashed; doing it twice changes nothing.
 */

/** VT and FF too: a form feed is where a page of plain text ends. */
const LINE_ENDS = /\r\n?|[\v\f\u0085\u2028\u2029]/g
/**
 * C0, DEL and C1 controls, the byte order mark wherever it stands, and Unicode's tag characters, which a reader never
 * sees and a model reads like letters.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out.
const INVISIBLE = /[\0-\x08\x0e-\x1f\x7f-\x9f\ufeff\u{e0000}-\u{e007f}]/gu
/**
 * UAX #15's stream-safe form allows 30 marks upon one letter. Putting marks in order takes time that grows with the
 * square of their number, so that a million of them would stop the process.
 */
const MARKS_BEYOND = /(\p{M}{30})\p{M}+/gu

export function cleanText(text: string): string {
  return (
    text
      .replace(LINE_ENDS, '\n')
      .replace(INVISIBLE, '')
      .toWellFormed()
      .replace(MARKS_BEYOND, '$1')
      .normalize('NFC')
      // One mark may have become two.
      .replace(MARKS_BEYOND, '$1')
  )
}

/** The same as one line, cut to `maxChars`; null when nothing is left. */
export function cleanLine(text: string, maxChars: number): string | null {
  const line = cleanText(text.slice(0, maxChars * 4))
    .trim()
    .split(/\s+/u)
    .join(' ')
  return line === '' ? null : line.slice(0, maxChars).toWellFormed()
}

/** A language as documents name it (`EN_us`, `pt-br`) in BCP 47's own form; null when it is none. */
export function cleanLanguage(text: string | null | undefined): string | null {
  const named = text?.trim().replaceAll('_', '-') ?? ''
  if (!/^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,6}$/.test(named)) return null
  try {
    const [canonical] = Intl.getCanonicalLocales(named)
    return canonical === undefined || canonical === 'und' ? null : canonical
  } catch {
    // Not well-formed after all, such as a singleton without its value.
    return null
  }
}
