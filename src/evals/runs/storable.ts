/** Texts that models wrote, as a database keeps them. */

/** PostgreSQL's texts hold no NUL and no half of a surrogate pair: each becomes U+FFFD. */
export function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\u{fffd}')
}
