/**
 * All built-in detectors in one pass over a text. Each is woken by one byte that is rare in prose, so a text without
 * any costs one table look-up per byte; each looks at a bounded stretch, so no text costs more than its length.
 */

import type { RedactedKind } from '../../lib/redaction-rules.ts'
import { emailAt, isLocal, MAX_LOCAL_BYTES } from './email.ts'
import { ibanLength } from './number-plans.ts'
import { cardAt, ibanAt, phoneAt } from './numbers.ts'
import { pemAt } from './pem.ts'
import { ALNUM, DASH, DIGIT, isIn, nextMarked, OPEN, type Span, type Text, UPPER } from './text.ts'
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
  const marks = Uint8Array.from(detectors, (one) => (one === undefined ? 0 : 1))
  const withEmail = kinds.includes('email')
  return (text, found) => {
    const { bytes, to } = text
    let at = nextMarked(bytes, text.floor, to, marks)
    while (at < to) {
      const finding = continuesNumber(text, at) ? null : firstFinding(detectors[bytes[at] ?? 0], text, at)
      if (finding === null) {
        at = nextMarked(bytes, at + 1, to, marks)
        continue
      }
      if (finding.end === OPEN) {
        // Another value may begin before the undecided one: `7` may be a card and `ada7@…` an address.
        const before = withEmail ? localStart(text, finding.start) : finding.start
        return Math.min(before, leadStart(text, withEmail))
      }
      found.push(finding)
      text.floor = finding.end
      at = nextMarked(bytes, finding.end, to, marks)
    }
    return text.final ? to : leadStart(text, withEmail)
  }
}

/** Numbers are looked at from their first digit. */
function continuesNumber({ bytes, from }: Text, at: number): boolean {
  return at > from && isIn(bytes[at], DIGIT) && isIn(bytes[at - 1], DIGIT)
}

function firstFinding(awake: readonly Detector[] | undefined, text: Text, at: number): Finding | null {
  for (const { kind, at: detect } of awake ?? []) {
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
  return withEmail ? Math.min(start, localStart(text, to)) : start
}

/** Where an address could begin whose name goes on at `at`. */
function localStart({ bytes, floor }: Text, at: number): number {
  const limit = Math.max(floor, at - MAX_LOCAL_BYTES)
  let start = at
  while (start > limit && isLocal(bytes[start - 1])) start -= 1
  return start
}

/** What a byte wakes in the prefilter: nothing, the look at a number, or that at anything else. */
const WAKES_NUMBER = 1
const WAKES_OTHER = 2

/**
 * True when bytes, escaped as JSON or not, may hold a value of the kinds; false is certain. Anything a detector wants
 * to see stands in the raw bytes as it is, unless ASCII is written as `\u00…`, which counts as a reason to look.
 */
export function createPrefilter(kinds: readonly RedactedKind[]): (bytes: Buffer) => boolean {
  const has = (kind: RedactedKind) => kinds.includes(kind)
  const wakes = new Uint8Array(256)
  const wake = (triggers: string, by: number) => {
    for (const trigger of triggers) wakes[trigger.charCodeAt(0)] = by
  }
  const look: Look = { keys: has('provider_key'), pem: has('pem') }
  const card = has('card')
  const iban = has('iban')
  if (look.keys) wake('-_A', WAKES_OTHER)
  if (look.pem) wake('-', WAKES_OTHER)
  if (has('jwt')) wake('J', WAKES_OTHER)
  if (has('email')) wake('@', WAKES_OTHER)
  if (has('phone')) wake('+', WAKES_OTHER)
  if (kinds.length > 0) wake('\\', WAKES_OTHER)
  if (card || iban) wake('0123456789', WAKES_NUMBER)
  return (bytes) => {
    const { length } = bytes
    for (
      let at = nextMarked(bytes, 0, length, wakes);
      at < length;
      at = nextMarked(bytes, at + 1, length, wakes)
    ) {
      if (wakes[bytes[at] ?? 0] === WAKES_OTHER) {
        if (mayBegin(bytes, at, look)) return true
        continue
      }
      if (iban && mayBeIban(bytes, at)) return true
      const end = digitsEnd(bytes, at)
      if (card && mayBeCard(bytes, at, end)) return true
      at = end - 1
    }
    return false
  }
}

type Look = { keys: boolean; pem: boolean }

function mayBegin(bytes: Buffer, at: number, { keys, pem }: Look): boolean {
  switch (bytes[at]) {
    case 0x2d:
      return (
        (keys && mayBeProviderKey(bytes, at)) || (pem && bytes[at + 1] === 0x42 && bytes[at - 1] === 0x2d)
      )
    case 0x5f:
    case 0x41:
      return mayBeProviderKey(bytes, at)
    case 0x4a:
      return bytes[at - 1] === 0x79 && bytes[at - 2] === 0x65
    case 0x2b:
      return isIn(bytes[at + 1], DIGIT)
    case 0x5c:
      return writesAscii(bytes, at)
    default:
      return true
  }
}

/** `\u00` and a digit of 2 to 7: a character that needed no escape. */
function writesAscii(bytes: Buffer, at: number): boolean {
  if (bytes[at + 1] !== 0x75 || bytes[at + 2] !== 0x30 || bytes[at + 3] !== 0x30) return false
  const digit = bytes[at + 4] ?? 0
  return digit >= 0x32 && digit <= 0x37
}

function digitsEnd(bytes: Buffer, at: number): number {
  let end = at + 1
  while (isIn(bytes[end], DIGIT)) end += 1
  return end
}

/** A country and two digits: ids in base62 have capitals before a digit all the time, but rarely these. */
function mayBeIban(bytes: Buffer, at: number): boolean {
  if (!isIn(bytes[at + 1], DIGIT) || !isIn(bytes[at - 1], UPPER) || !isIn(bytes[at - 2], UPPER)) return false
  return ibanLength(bytes[at - 2] ?? 0, bytes[at - 1] ?? 0) !== undefined
}

const MIN_CARD_DIGITS = 13

/** Thirteen digits from `at` on with at most one space or dash between two; `end` is where the first group ends. */
function mayBeCard(bytes: Buffer, at: number, end: number): boolean {
  if (bytes[at - 1] === 0x2e) return false
  let digits = end - at
  let next = end
  while (digits < MIN_CARD_DIGITS) {
    if (bytes[next] !== 0x20 && bytes[next] !== 0x2d) return false
    const start = next + 1
    if (!isIn(bytes[start], DIGIT)) return false
    next = digitsEnd(bytes, start)
    digits += next - start
  }
  return true
}
