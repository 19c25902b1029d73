/** What can be wrong with a signed note, a key, a checkpoint or a cosignature: one reason each, for code to decide on. */

export type NoteReason =
  /** Not the form the specification gives. */
  | 'malformed'
  | 'too_large'
  | 'bad_name'
  | 'bad_key'
  /** Two different keys share name and id. */
  | 'ambiguous_key'
  /** A key of another algorithm than the one asked for. */
  | 'wrong_algorithm'
  /** A known key did not sign this text: it was altered, or the signature was. */
  | 'bad_signature'
  /** Nobody known signed. */
  | 'unsigned'

export class NoteError extends Error {
  override name = 'NoteError'
  readonly reason: NoteReason
  constructor(reason: NoteReason, message: string) {
    super(message)
    this.reason = reason
  }
}
