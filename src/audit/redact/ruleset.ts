/** The rules made ready to run: which scans to run over a text, and what stands in place of what they find. */

import { createHmac } from 'node:crypto'
import { REDACTED_KINDS, type RedactionAction, type RedactionRules } from '../../lib/redaction-rules.ts'
import { createPrefilter, createScan, type Finding, type Scan } from './detectors.ts'
import { createPatternScan } from './user-patterns.ts'

/** 64 bits: enough that two values of one log hardly ever share a token, short enough to read. */
const TOKEN_HEX_CHARS = 16

export type Ruleset = {
  /** The built-in kinds in one, then each pattern. Empty when everything is off. */
  scans: readonly Scan[]
  hasPatterns: boolean
  /** The rules that raw bytes need to be held against; null when they certainly hold nothing to find. */
  worthRunning(bytes: Buffer): Ruleset | null
  actionOf(kind: string): RedactionAction
  /** What takes the place of a value: never a quote, a backslash or anything else that JSON escapes. */
  replacement(kind: string, value: Buffer): string
}

/**
 * `tokenKey` makes tokens: whoever has it can find out short values by trying them all, so it is a secret of its own
 * (derived for this purpose alone), as long as the hash (RFC 2104 §3). Throws RangeError for a pattern RE2 refuses.
 */
export function compileRules(rules: RedactionRules, tokenKey: Uint8Array): Ruleset {
  const kinds = REDACTED_KINDS.filter((kind) => rules.kinds[kind] !== 'off')
  const patterns = rules.patterns.filter(({ action }) => action !== 'off')
  const patternScans = patterns.map(({ name, regex }) => createPatternScan(name, regex))
  const prefilter = createPrefilter(kinds)
  const actions = new Map<string, RedactionAction>([
    ...Object.entries(rules.kinds),
    ...patterns.map(({ name, action }) => [name, action] as const),
  ])
  const actionOf = (kind: string) => actions.get(kind) ?? 'off'
  const ruleset: Ruleset = {
    scans: kinds.length > 0 ? [createScan(kinds), ...patternScans] : patternScans,
    hasPatterns: patterns.length > 0,
    worthRunning: (bytes) => (prefilter(bytes) ? ruleset : patternsAlone),
    actionOf,
    replacement(kind, value) {
      if (actionOf(kind) !== 'tokenise') return `[${kind}]`
      const digest = createHmac('sha256', tokenKey).update(kind).update('\0').update(normalised(kind, value))
      return `[${kind}:${digest.digest('hex').slice(0, TOKEN_HEX_CHARS)}]`
    },
  }
  const patternsAlone = patterns.length > 0 ? { ...ruleset, scans: patternScans } : null
  return ruleset
}

/** One spelling per value, so that the same one gets the same token however it was written. */
function normalised(kind: string, value: Buffer): string {
  const text = value.toString('utf8')
  if (kind === 'card') return text.replace(/\D/g, '')
  if (kind === 'phone') return `+${text.replace(/\D/g, '')}`
  if (kind === 'iban') return text.replace(/[ -]/g, '')
  if (kind === 'email') return text.toLowerCase()
  // Line breaks of a key, also the escaped ones of JSON inside JSON.
  if (kind === 'pem') return text.replace(/\\[nrt]|[\\\s]/g, '')
  return text
}

/**
 * Findings in order, those that overlap made one: it covers all of them and has the kind of the first. `found` may be
 * in any order; of two that begin together the longer counts, then the one that was found first.
 */
export function merged(found: readonly Finding[]): Finding[] {
  const [first, ...rest] = found.toSorted((one, other) => one.start - other.start || other.end - one.end)
  if (first === undefined) return []
  let last = { ...first }
  const clusters = [last]
  for (const finding of rest) {
    if (finding.start < last.end) {
      last.end = Math.max(last.end, finding.end)
    } else {
      last = { ...finding }
      clusters.push(last)
    }
  }
  return clusters
}

/** What redaction has found so far in one body, and whether it is to be dropped. */
export class Tally {
  readonly #counts: Record<string, number> = Object.create(null)
  #any = false
  dropped = false

  add(ruleset: Ruleset, kind: string): void {
    this.#any = true
    this.#counts[kind] = (this.#counts[kind] ?? 0) + 1
    if (ruleset.actionOf(kind) === 'drop') this.dropped = true
  }

  /** How many of each kind; null when nothing was found. */
  get found(): Readonly<Record<string, number>> | null {
    return this.#any ? { ...this.#counts } : null
  }
}
