/**
 * Takes secrets and personal data out of bodies before the log keeps them. Pure: the bytes it is given are never
 * changed, so what goes upstream and to the client stays as it is. Finds what has a shape; it is no proof of absence.
 */

import type { RedactionRules } from '../../lib/redaction-rules.ts'
import { applyEdits, type Edit, jsonEdits, textEdits } from './edits.ts'
import { looksLikeJson } from './json-text.ts'
import { compileRules, type Ruleset, Tally } from './ruleset.ts'
import { looksLikeEvents, StreamRedactor } from './stream.ts'

type Redacted = {
  /** The same object when nothing was found, empty when the body is dropped. */
  body: Buffer
  /** How many of each kind; null when nothing was found. */
  found: Readonly<Record<string, number>> | null
}

export type Redactor = {
  redact(body: Buffer): Redacted
  /** For an answer that comes in pieces; one per answer. */
  openStream(): StreamRedactor
}

/**
 * A redactor for the rules; make it once per configuration. `tokenKey` is the secret of the action `tokenise`, 32
 * bytes of its own purpose. Throws RangeError for a pattern that RE2 refuses.
 *
 * JSON stays JSON of the same structure: replacements stand inside strings, a number that is found becomes a string.
 * Server-sent events are read as a stream of them. Anything else is one text of bytes, UTF-8 or not.
 *
 * @example createRedactor(config.audit.redaction, key).redact(Buffer.from('{"card":"4111 1111 1111 1111"}'))
 */
export function createRedactor(rules: RedactionRules, tokenKey: Uint8Array): Redactor {
  const ruleset = compileRules(rules, tokenKey)
  return { redact: (body) => redactWhole(ruleset, body), openStream: () => new StreamRedactor(ruleset) }
}

/** A redactor for one streamed answer; see `StreamRedactor` for what it finds and holds. */
export function createStreamRedactor(redactor: Redactor): StreamRedactor {
  return redactor.openStream()
}

const EMPTY = Buffer.alloc(0)

function redactWhole(ruleset: Ruleset, body: Buffer): Redacted {
  if (ruleset.scans.length === 0) return { body, found: null }
  if (looksLikeEvents(body)) return redactEvents(ruleset, body)
  const needed = ruleset.worthRunning(body)
  if (needed === null) return { body, found: null }
  const tally = new Tally()
  const edits: Edit[] = looksLikeJson(body)
    ? jsonEdits(needed, tally, body, 0, body.length)
    : textEdits(needed, tally, body, 0, body.length)
  const { found, dropped } = tally
  if (dropped) return { body: EMPTY, found }
  return { body: applyEdits(body, edits), found }
}

function redactEvents(ruleset: Ruleset, body: Buffer): Redacted {
  const stream = new StreamRedactor(ruleset)
  const pieces = [stream.push(body), stream.end()]
  const { found } = stream
  if (found === null) return { body, found }
  return { body: stream.dropped ? EMPTY : Buffer.concat(pieces), found }
}
