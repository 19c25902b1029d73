/**
 * One signing key's word for the next, pure: a note that names the new key, signed by the old one. Whoever trusts the
 * first key of a log can so follow every rotation.
 */

import { NoteError } from '../../lib/note-error.ts'
import { type NoteSigner, signNote, verifyNote } from '../../lib/signed-note.ts'
import { parseVerifierKey, type VerifierKey } from '../../lib/verifier-key.ts'

const FIRST_LINE = 'aval-signing-key/1'

export function endorseKey(next: VerifierKey, previous: NoteSigner): string {
  return signNote(`${FIRST_LINE}\n${next.text}\n`, previous)
}

/** The trusted keys and all that they vouch for, directly or through each other. */
export function followEndorsements(
  trusted: readonly VerifierKey[],
  stored: readonly { verifierKey: string; endorsement: string | null }[],
): VerifierKey[] {
  const keys = [...trusted]
  let added = true
  while (added) {
    added = false
    for (const { verifierKey, endorsement } of stored) {
      if (endorsement === null || keys.some(({ text }) => text === verifierKey)) continue
      if (!vouchedFor(verifierKey, endorsement, keys)) continue
      keys.push(parseVerifierKey(verifierKey))
      added = true
    }
  }
  return keys
}

function vouchedFor(verifierKey: string, endorsement: string, keys: readonly VerifierKey[]): boolean {
  try {
    return verifyNote(endorsement, keys).text === `${FIRST_LINE}\n${verifierKey}\n`
  } catch (error) {
    if (error instanceof NoteError) return false
    throw error
  }
}
