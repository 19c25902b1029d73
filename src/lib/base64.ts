/** Standard base64 (RFC 4648 §4) read strictly: one text per value, so that a changed character never goes unseen. */

/** The bytes, or null when the text is not exactly what encoding them gives (other alphabet, padding, loose bits). */
export function decodeBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : null
}
