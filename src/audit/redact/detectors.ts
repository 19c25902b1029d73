/**
 * All built-in detectors in one pass over a text. Each is woken by one byte that is rare in prose, so a text without
 * any costs one table look-up per byte; each looks at a bounded stretch, so no text costs more than its length.
 */

import type { RedactedKind } from '../../lib/redaction-rules.ts'
import { emailAt, isLocal, MAX_LOCAL_BYTES } from './email.ts'
import { cardAt, ibanAt, phoneAt } from './numbers.ts'
import { pemAt } from './pem.ts'
import { ALNUM, DASH, DIGIT, isIn, OPEN, type Span, type Text, UPPER } from './text.ts'
import { jwtAt, mayBeProviderKey, providerKeyAt } from './tokens.ts'

export type Finding = { kind: string; start: number; end: number }

/** A text with its settled findings added to `found`; returns where to go on when more bytes come. */
export type Scan = (text: Text, found: Finding[]) => number

type Detector = { kind: RedactedKind; at: (text: Text, at: number) => Span | null }

const DETECTORS: readonly (Detector & { triggers: string })[] = [
  { kind: 'pem', at: pemAt, triggers: '-' },
  { kind: 'provider_key', at: providerKeyAt, triggers: '-_A' },
  { kind: 'jwt', at: jwtAt, triggers: 'J' },
  { kind: 'iban', at: ibanAt, triggers: '0123456789' },
  { kind: 'card', at: cardAt, triggers: '0123456789' },
  { kind: 'email', at: emailAt, triggers: '@' },
  { kind: 'phone', at: phoneAt, triggers: '+' },
]

/** The longest beginning of a value before the byte that wakes its detector: `github` of `github_pat_`. */
const MAX_LEAD_BYTES = 6

/**
 * One pass for the given kinds. Without `final` it stops before anything that further bytes could change, so texts
 * that arrive in pieces give the same findings as whole ones.
 */
export function createScan(kinds: readonly RedactedKind[]): Scan {
  const detectors = detectorsByByte(kinds)
  const withEmail = kinds.includes('email')
  return (text, found) => {
    const { bytes, to } = text
    let at = text.floor
    while (at < to) {
      const awake = detectors[bytes[at] ?? 0]
      if (awake === undefined || continuesNumber(text, at)) {
        at += 1
        continue
      }
      const finding = firstFinding(awake, text, at)
      if (finding === null) {
        at += 1
        continue
      }
      if (finding.end === OPEN) return finding.start
      found.push(finding)
      at = finding.end
      text.floor = at
    }
    return text.final ? to : Math.max(text.floor, leadStart(text, withEmail))
  }
}

/** Numbers are looked at from their first digit. */
function continuesNumber({ bytes, from }: Text, at: number): boolean {
  return at > from && isIn(bytes[at], DIGIT) && isIn(bytes[at - 1], DIGIT)
}

function firstFinding(awake: readonly Detector[], text: Text, at: number): Finding | null {
  for (const { kind, at: detect } of awake) {
    const span = detect(text, at)
    if (span !== null) return { kind, start: span.start, end: span.end }
  }
  return null
}

function detectorsByByte(kinds: readonly RedactedKind[]): (readonly Detector[] | undefined)[] {
  const table: (Detector[] | undefined)[] = new Array(256).fill(undefined)
  for (const detector of DETECTORS) {
    if (!kinds.includes(detector.kind)) continue
    for (const trigger of detector.triggers) {
      const byte = trigger.charCodeAt(0)
      table[byte] = [...(table[byte] ?? []), detector]
    }
  }
  return table
}

/** Where a value could begin whose waking byte has not come yet. */
function leadStart(text: Text, withEmail: boolean): number {
  const { bytes, floor, to } = text
  let start = to
  const limit = Math.max(floor, to - MAX_LEAD_BYTES)
  while (start > limit && isIn(bytes[start - 1], ALNUM | DASH)) start -= 1
  if (!withEmail) return start
  let local = to
  const localLimit = Math.max(floor, to - MAX_LOCAL_BYTES)
  while (local > localLimit && isLocal(bytes[local - 1])) local -= 1
  return Math.min(start, local)
}

const MIN_DIGITS = 13

/**
 * True when bytes, escaped as JSON or not, may hold a value of the kinds; false is certain. Anything a detector wants
 * to see stands in the raw bytes as it is, unless ASCII is written as `\u00…`, which counts as a reason to look.
 */
export function createPrefilter(kinds: readonly RedactedKind[]): (bytes: Buffer) => boolean {
  const has = (kind: RedactedKind) => kinds.includes(kind)
  const checks: (((bytes: Buffer, at: number) => boolean) | undefined)[] = new Array(256).fill(undefined)
  const check = (triggers: string, test: (bytes: Buffer, at: number) => boolean) => {
    for (const trigger of triggers) {
      const byte = trigger.charCodeAt(0)
      const before = checks[byte]
      checks[byte] = before === undefined ? test : (bytes, at) => before(bytes, at) || test(bytes, at)
    }
  }
  if (has('provider_key')) check('-_A', mayBeProviderKey)
  if (has('pem')) check('-', (bytes, at) => bytes[at + 1] === 0x42 && bytes[at - 1] === 0x2d)
  if (has('jwt')) check('J', (bytes, at) => bytes[at - 1] === 0x79 && bytes[at - 2] === 0x65)
  if (has('card')) check('0123456789', mayBeCard)
  if (has('iban'))
    check('0123456789', (bytes, at) => isIn(bytes[at - 1], UPPER) && isIn(bytes[at - 2], UPPER))
  if (has('email')) check('@', () => true)
  if (has('phone')) check('+', (bytes, at) => isIn(bytes[at + 1], DIGIT))
  if (kinds.length > 0) check('\\', writesAscii)
  return (bytes) => {
    for (let at = 0; at < bytes.length; at += 1) {
      const test = checks[bytes[at] ?? 0]
      if (test?.(bytes, at)) return true
    }
    return false
  }
}

/** `\u00` and a digit of 2 to 7: a character that needed no escape. */
function writesAscii(bytes: Buffer, at: number): boolean {
  const digit = bytes[at + 4] ?? 0
  return (
    bytes[at + 1] === 0x75 &&
    bytes[at + 2] === 0x30 &&
    bytes[at + 3] === 0x30 &&
    digit >= 0x32 &&
    digit <= 0x37
  )
}

/** Thirteen digits with at most one space or dash between two, the first of them not inside a word or a decimal. */
function mayBeCard(bytes: Buffer, at: number): boolean {
  const before = bytes[at - 1]
  if (before === 0x2e || isIn(before, DIGIT)) return false
  let digits = 0
  let end = at
  while (digits < MIN_DIGITS) {
    if (isIn(bytes[end], DIGIT)) digits += 1
    else if (!((bytes[end] === 0x20 || bytes[end] === 0x2d) && isIn(bytes[end + 1], DIGIT))) return false
    end += 1
  }
  return true
}
