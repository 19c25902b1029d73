/** Percent-encoding in parts of addresses (RFC 3986 §2.1). Pure. */

/** Null for a text with a "%" that begins no letter. */
export function percentDecoded(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}
