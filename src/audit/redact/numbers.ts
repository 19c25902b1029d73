/** Numbers with a structure of their own: payment cards, IBANs, international phone numbers. */

import { cardFits, ibanLength, isCountryCode } from './number-plans.ts'
import { ALNUM, DIGIT, isIn, OPEN, runEnd, runsOut, type Span, startsWord, type Text, UPPER } from './text.ts'

const MIN_CARD_DIGITS = 13
const MAX_CARD_DIGITS = 19
const SPACE_BYTE = 0x20
const DASH_BYTE = 0x2d
const DOT_BYTE = 0x2e
const ZERO = 0x30

/**
 * Groups as they are printed, each number a digit: by four, American Express 4-6-5, Diners Club 4-6-4, the oldest Visa
 * 4-3-3-3. No group of ten or more digits can be taken for two of them.
 */
const PRINTED_GROUPS = new Set([4444, 44443, 4441, 465, 464, 4333])
const MAX_PRINTED_GROUPS = 5
/** Shorter groups, but for the last, are numbers beside each other. */
const MIN_GROUP_DIGITS = 3

/**
 * A card number that begins with the digit at `at`, which has no digit before it: 13 to 19 digits, a length and a
 * beginning that an issuer has (ISO/IEC 7812-1), and a right check digit (Luhn, ISO/IEC 7812-1 annex B). Either
 * without separators or with one single space or dash between groups as cards print them; other groups, of three and
 * more, only when no further one stands beside them. Parts of longer runs, words, decimals and paths are none.
 */
export function cardAt(text: Text, at: number): Span | null {
  if (!mayBeginCard(text, at)) return null
  const alone = !followsDigitGroup(text, at)
  let best: Span | null = null
  let count = 0
  let groups = 0
  let groupCount = 0
  let separator = 0
  let start = at
  for (;;) {
    const end = runEnd(text, start, DIGIT, MAX_CARD_DIGITS + 1 - count)
    const group = end - start
    count += group
    if (count > MAX_CARD_DIGITS) return best
    // Two bytes further: `.5` after the digits makes them a decimal, `-4` another group.
    if (runsOut(text, end) || runsOut(text, end + 1)) return { start: at, end: OPEN }
    groups = groups * 10 + group
    groupCount += 1
    const next = end < text.to ? (text.bytes[end] ?? 0) : 0
    const more = goesOn(text, end)
    const single = groupCount === 1 && !(more && next === DASH_BYTE)
    const printed = groupCount <= MAX_PRINTED_GROUPS && PRINTED_GROUPS.has(groups)
    const fits = single || printed || (alone && !more)
    if (fits && mayEndCard(text, end) && isCard(text.bytes, at, end, count)) best = { start: at, end }
    if (!more || group < MIN_GROUP_DIGITS || (separator !== 0 && next !== separator)) return best
    separator = next
    start = end + 1
  }
}

/** True when a separator and another digit stand at `at`. */
function goesOn({ bytes, to }: Text, at: number): boolean {
  return at + 1 < to && isSeparator(bytes[at] ?? 0) && isIn(bytes[at + 1], DIGIT)
}

function isSeparator(byte: number): boolean {
  return byte === SPACE_BYTE || byte === DASH_BYTE
}

/** The digits from `start` to `end`, separators aside, which are `count`. */
function isCard(bytes: Buffer, start: number, end: number, count: number): boolean {
  if (count < MIN_CARD_DIGITS) return false
  let beginning = 0
  let sum = 0
  let index = 0
  for (let at = start; at < end; at += 1) {
    if (!isIn(bytes[at], DIGIT)) continue
    const digit = (bytes[at] ?? 0) - ZERO
    if (index < 4) beginning = beginning * 10 + digit
    const doubled = (count - index) % 2 === 0 ? digit * 2 : digit
    sum += doubled > 9 ? doubled - 9 : doubled
    index += 1
  }
  return sum % 10 === 0 && cardFits(beginning, count)
}

function mayBeginCard(text: Text, at: number): boolean {
  if (!startsWord(text, at)) return false
  const before = at > text.from ? (text.bytes[at - 1] ?? 0) : SPACE_BYTE
  // `0.4111…`, `order_4111…`, `/4111…`, `#4111…` and `+4111…` are decimals, names, paths, order and phone numbers.
  if (before === DOT_BYTE || before === 0x5f || before === 0x2f || before === 0x23 || before === 0x2b)
    return false
  // `INV-4111…` is a name as well.
  return before !== DASH_BYTE || at - 2 < text.from || !isIn(text.bytes[at - 2], ALNUM)
}

function followsDigitGroup(text: Text, at: number): boolean {
  if (at - 2 < text.from) return false
  const before = text.bytes[at - 1]
  return (before === SPACE_BYTE || before === DASH_BYTE) && isIn(text.bytes[at - 2], DIGIT)
}

function mayEndCard(text: Text, end: number): boolean {
  if (end >= text.to) return true
  const next = text.bytes[end] ?? 0
  if (isIn(next, ALNUM) || next === 0x5f) return false
  return next !== DOT_BYTE || end + 1 >= text.to || !isIn(text.bytes[end + 1], DIGIT)
}

const MAX_IBAN_LETTERS = 34

/**
 * An IBAN whose first check digit is at `at` (ISO 13616-1): a country that has them, its length, and the check of
 * ISO/IEC 7064 MOD 97-10. Capital letters only; in one piece or in groups of four with a space or dash between.
 */
export function ibanAt(text: Text, at: number): Span | null {
  const { bytes } = text
  const start = at - 2
  if (start < text.floor || !isIn(bytes[at - 1], UPPER) || !isIn(bytes[start], UPPER)) return null
  const length = ibanLength(bytes[start] ?? 0, bytes[at - 1] ?? 0)
  if (length === undefined || !startsWord(text, start)) return null
  if (runsOut(text, at + 1)) return { start, end: OPEN }
  if (!isIn(bytes[at + 1], DIGIT)) return null
  const end = ibanEnd(text, start, length)
  if (end === null) return null
  if (end === OPEN || runsOut(text, end)) return { start, end: OPEN }
  if (end < text.to && isIn(bytes[end], ALNUM)) return null
  return ibanRemainder(bytes, start, end) === 1 ? { start, end } : null
}

/** Where the `length` letters and digits end that begin at `start`, in one piece or in groups of four. */
function ibanEnd({ bytes, to, final }: Text, start: number, length: number): number | null {
  const limit = Math.min(length, MAX_IBAN_LETTERS)
  let separator = 0
  let end = start
  for (let count = 0; count < limit; count += 1) {
    const byte = bytes[end] ?? 0
    if (end < to && count === 4 && isSeparator(byte)) separator = byte
    if (end < to && count > 0 && count % 4 === 0 && separator !== 0 && byte === separator) end += 1
    if (end >= to) return final ? null : OPEN
    if (!isIn(bytes[end], UPPER | DIGIT)) return null
    end += 1
  }
  return end
}

/** ISO/IEC 7064 MOD 97-10 over the account's part and then the first four, letters as two digits (A = 10). */
function ibanRemainder(bytes: Buffer, start: number, end: number): number {
  let head = 0
  let remainder = 0
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] ?? 0
    if (isSeparator(byte)) continue
    if (at < start + 4) head = append(head, byte)
    else remainder = append(remainder, byte)
  }
  // Two letters and two digits are six digits.
  return (remainder * (1_000_000 % 97) + head) % 97
}

/** The remainder with one more character: a digit, or a letter as two (A = 10). */
function append(remainder: number, byte: number): number {
  return isIn(byte, DIGIT) ? (remainder * 10 + byte - ZERO) % 97 : (remainder * 100 + byte - 55) % 97
}

const MIN_PHONE_DIGITS = 8
const MAX_PHONE_DIGITS = 15
const MAX_SEPARATORS = 2
/** North America and Russia with Kazakhstan have one length; elsewhere plans differ too much to check. */
const ELEVEN_DIGIT_CODES = /^[17]/

/**
 * An international phone number whose `+` is at `at` (ITU-T E.164): an assigned country code and 8 to 15 digits, with
 * spaces, dashes, dots, slashes or brackets between groups. Precision before recall: numbers without `+` and a country
 * code look like any other number and are not found.
 */
export function phoneAt(text: Text, at: number): Span | null {
  if (!startsWord(text, at) || !mayStandBeforePhone(text, at)) return null
  let number = ''
  let best: Span | null = null
  let start = at + 1
  while (number.length <= MAX_PHONE_DIGITS) {
    const end = runEnd(text, start, DIGIT, MAX_PHONE_DIGITS + 1)
    number += text.bytes.toString('latin1', start, end)
    if (number.length > MAX_PHONE_DIGITS) break
    const next = separatorsEnd(text, end)
    if (next === OPEN) return { start: at, end: OPEN }
    if (end > start && !continuesWord(text, end) && isPhone(number)) best = { start: at, end }
    if (end === start || next === end || next >= text.to || !isIn(text.bytes[next], DIGIT)) break
    start = next
  }
  return best
}

/** Where at most two separators from `at` on end. */
function separatorsEnd(text: Text, at: number): number {
  let end = at
  while (end < text.to && end - at < MAX_SEPARATORS && isPhoneSeparator(text.bytes[end] ?? 0)) end += 1
  return runsOut(text, end) ? OPEN : end
}

function continuesWord({ bytes, to }: Text, at: number): boolean {
  return at < to && (isIn(bytes[at], ALNUM) || bytes[at] === 0x5f)
}

function mayStandBeforePhone(text: Text, at: number): boolean {
  if (at <= text.from) return true
  const before = text.bytes[at - 1] ?? 0
  // Base64 has `+` anywhere, versions and sums have it after these.
  return (
    before !== 0x2b &&
    before !== 0x2f &&
    before !== 0x3d &&
    before !== 0x5f &&
    before !== DASH_BYTE &&
    before !== DOT_BYTE
  )
}

function isPhone(number: string): boolean {
  if (number.length < MIN_PHONE_DIGITS || number.length > MAX_PHONE_DIGITS) return false
  return isCountryCode(number) && (!ELEVEN_DIGIT_CODES.test(number) || number.length === 11)
}

function isPhoneSeparator(byte: number): boolean {
  return (
    byte === SPACE_BYTE ||
    byte === DASH_BYTE ||
    byte === DOT_BYTE ||
    byte === 0x28 ||
    byte === 0x29 ||
    byte === 0x2f
  )
}
