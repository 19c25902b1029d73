/** What became of telling a receiver something. Types alone. */

/**
 * `sent`: the receiver took it; `note` says what it took only in part. `retry`: not now, and perhaps later. `refused`: it will not
 * take it at any later time. Notes hold the receiver's host and its own words, never a path or a secret.
 */
export type Notified =
  | { outcome: 'sent'; note: string | null }
  | { outcome: 'retry' | 'refused'; note: string }

/** Each try ends by then, whatever the receiver does. */
export const NOTIFY_TIMEOUT_MS = 10_000
