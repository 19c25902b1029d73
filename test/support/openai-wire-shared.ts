/** What the builders of the scripted upstream's answers share. */

export type Json = Record<string, unknown>

export const CREATED = 1_700_000_000

/** The words of a text, spaces kept, so that joined they are the text again: one "token" each. */
export function words(text: string): string[] {
  return text.match(/\S+\s*|\s+/g) ?? []
}
