/**
 * Keys of vendors and JSON Web Tokens: values whose beginning says what they are. A key is found by its prefix, its
 * alphabet and its length; checksums that some carry are not verified, because a mistyped key is close to a real one.
 */

import { scanTopLevel } from '../../lib/json-scan.ts'
import {
  ALNUM,
  DASH,
  DIGIT,
  DOT,
  isIn,
  OPEN,
  runEnd,
  runFrom,
  runsOut,
  type Span,
  standsAt,
  startsWord,
  type Text,
  TOKEN,
  UNDERSCORE,
  UPPER,
} from './text.ts'

/** Nothing a vendor issues is longer, and beyond it a run of letters is data. GitHub asks for room for 255. */
const MAX_KEY_BYTES = 512
const WORD = ALNUM | UNDERSCORE
const DASH_BYTE = 0x2d
const UNDERSCORE_BYTE = 0x5f

type Shape = {
  prefix: string
  classes: number
  /** Characters after the prefix. */
  min: number
  max: number
  /** Words in kebab-case have the shape of some keys, but no digit. */
  digit?: true
}

/**
 * Sources: GitHub's list of supported secret patterns
 * (https://docs.github.com/en/code-security/secret-scanning/introduction/supported-secret-scanning-patterns), the
 * rules of gitleaks (https://github.com/gitleaks/gitleaks/blob/master/config/gitleaks.toml), and the vendors:
 * GitHub https://github.blog/changelog/2021-03-04-authentication-token-format-updates/, GitLab
 * https://docs.gitlab.com/security/tokens/ (routable ones have dots), AWS
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html, Slack
 * https://docs.slack.dev/authentication/tokens, Stripe https://docs.stripe.com/keys, Google
 * https://ai.google.dev/gemini-api/docs/api-key (`AQ.` replaces `AIza` since 2026), our own: `src/keys/token.ts`.
 * An AWS secret access key has no shape of its own and is not found.
 */
const SHAPES: readonly Shape[] = [
  { prefix: 'AIza', classes: TOKEN, min: 35, max: 35 },
  { prefix: 'AQ.Ab', classes: TOKEN, min: 30, max: MAX_KEY_BYTES },
  { prefix: 'AKIA', classes: UPPER | DIGIT, min: 16, max: 16 },
  { prefix: 'ASIA', classes: UPPER | DIGIT, min: 16, max: 16 },
  ...['glpat-', 'glrt-', 'gldt-'].map((prefix) => shape(prefix, TOKEN | DOT, 20)),
  ...['xoxa-', 'xoxb-', 'xoxe-', 'xoxo-', 'xoxp-', 'xoxr-', 'xoxs-', 'xapp-'].map((prefix) => ({
    ...shape(prefix, ALNUM | DASH, 10),
    digit: true as const,
  })),
  shape('xai-', WORD, 60),
  shape('pplx-', ALNUM, 40),
  ...['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'].map((prefix) => shape(prefix, WORD, 36)),
  shape('github_pat_', WORD, 50),
  shape('sk_live_', ALNUM, 16),
  shape('rk_live_', ALNUM, 16),
  shape('hf_', ALNUM, 30),
  shape('gsk_', ALNUM, 40),
  { prefix: 'r8_', classes: ALNUM, min: 37, max: 37 },
]

function shape(prefix: string, classes: number, min: number): Shape {
  return { prefix, classes, min, max: MAX_KEY_BYTES }
}

/**
 * `sk-` is OpenAI's (https://platform.openai.com/docs/api-reference/authentication) and was taken over by many. Known
 * second parts may be followed by anything; without one, dashes are words: `sk-loading-spinner-large` is no key.
 */
const SK = 'sk-'
const SK_PARTS = ['proj-', 'svcacct-', 'admin-', 'ant-', 'or-v1-', 'lf-', 'None-']
const MIN_SK_BYTES = 20

/** `vk_`, 26 letters of Crockford's base32, `_`, 43 of base62. */
const VK = 'vk_'
const VK_SECRET = /^vk_[0-9a-hjkmnp-tv-z]{26}_[0-9A-Za-z]{43}$/
const VK_BYTES = 73

/** Shapes by the byte at which the scanner sees them: the first `-`, `_` or `A` of the prefix. */
type Lead = { prefix: string; offset: number; shape: Shape | null }
const LEADS: readonly Lead[] = [...SHAPES.map((one) => lead(one.prefix, one)), lead(SK, null), lead(VK, null)]

function lead(prefix: string, of: Shape | null): Lead {
  return { prefix, offset: prefix.startsWith('A') ? 0 : prefix.search(/[-_]/), shape: of }
}

const LETTER_A = 0x41

/** Leads by trigger, then by the byte beside it: the one before `-` and `_`, the one after `A`. Few bytes have any. */
const DASH_LEADS = leadsOf(DASH_BYTE)
const UNDERSCORE_LEADS = leadsOf(UNDERSCORE_BYTE)
const A_LEADS = leadsOf(LETTER_A)

function leadsOf(trigger: number): readonly (readonly Lead[] | undefined)[] {
  const table: (Lead[] | undefined)[] = new Array(256).fill(undefined)
  for (const one of LEADS) {
    if (one.prefix.charCodeAt(one.offset) !== trigger) continue
    const beside = one.prefix.charCodeAt(one.offset === 0 ? 1 : one.offset - 1)
    table[beside] = [...(table[beside] ?? []), one]
  }
  return table
}

function leadsAt(bytes: Buffer, at: number): readonly Lead[] | undefined {
  const trigger = bytes[at]
  if (trigger === LETTER_A) return A_LEADS[bytes[at + 1] ?? 0]
  return (trigger === DASH_BYTE ? DASH_LEADS : UNDERSCORE_LEADS)[bytes[at - 1] ?? 0]
}

/** A vendor's key whose prefix has its `-`, `_` or leading `A` at `at`. */
export function providerKeyAt(text: Text, at: number): Span | null {
  if (text.bytes[at] === LETTER_A && runsOut(text, at + 1)) {
    return at >= text.floor && startsWord(text, at) ? { start: at, end: OPEN } : null
  }
  const leads = leadsAt(text.bytes, at)
  if (leads === undefined) return null
  for (const { prefix, offset, shape: of } of leads) {
    const start = at - offset
    if (start < text.floor || !startsWord(text, start)) continue
    const stands = standsAt(text, start, prefix)
    if (stands === 'open') return { start, end: OPEN }
    if (!stands) continue
    const found = of === null ? ownRule(text, start, prefix) : shaped(text, start, of)
    if (found !== null) return found
  }
  return null
}

/** True when a prefix of a key has its trigger at `at`, whatever follows. Reads nothing outside `bytes`. */
export function mayBeProviderKey(bytes: Buffer, at: number): boolean {
  const leads = leadsAt(bytes, at)
  if (leads === undefined) return false
  return leads.some(({ prefix, offset }) => {
    const start = at - offset
    for (let index = 0; index < prefix.length; index += 1) {
      if (bytes[start + index] !== prefix.charCodeAt(index)) return false
    }
    return true
  })
}

function shaped(text: Text, start: number, { prefix, classes, min, max, digit }: Shape): Span | null {
  const body = start + prefix.length
  const { end, lastDigit } = runFrom(text, body, classes)
  if (end - body > max) return null
  if (runsOut(text, end)) return { start, end: OPEN }
  if (end - body < min || (end < text.to && isIn(text.bytes[end], ALNUM))) return null
  return digit === true && lastDigit < body ? null : { start, end }
}

function ownRule(text: Text, start: number, prefix: string): Span | null {
  return prefix === SK ? skKey(text, start) : virtualKey(text, start)
}

function skKey(text: Text, start: number): Span | null {
  const body = start + SK.length
  const { end, lastDigit } = runFrom(text, body, TOKEN)
  if (end - body > MAX_KEY_BYTES) return null
  if (runsOut(text, end)) return { start, end: OPEN }
  if (end - body < MIN_SK_BYTES || lastDigit < body) return null
  const known = SK_PARTS.some((part) => standsAt(text, body, part) === true)
  return known || runEnd(text, body, ALNUM, MIN_SK_BYTES) - body >= MIN_SK_BYTES ? { start, end } : null
}

function virtualKey(text: Text, start: number): Span | null {
  const { end } = runFrom(text, start, WORD)
  if (end - start > VK_BYTES) return null
  if (runsOut(text, end)) return { start, end: OPEN }
  return VK_SECRET.test(text.bytes.toString('latin1', start, end)) ? { start, end } : null
}

/** Real headers are below 300 bytes; one with a certificate chain (`x5c`) is larger and rare. */
const MAX_JWT_HEADER_BYTES = 2048
/** What a stream holds back for one; servers take 8 to 16 KiB as a header line, where tokens travel. */
const MAX_JWT_BYTES = 16 * 1024
const MAX_JWT_PARTS = 5
const MAX_JWT_HEADER_DEPTH = 8
const DOT_BYTE = 0x2e
const QUOTE = 0x22
const CLOSE_BRACE = 0x7d

/**
 * A JSON Web Token whose `eyJ` (base64url of `{"`) has its `J` at `at`: three parts (RFC 7515 §3.1), or five when it
 * is encrypted (RFC 7516 §3.1), and a header that decodes to JSON with `alg`.
 */
export function jwtAt(text: Text, at: number): Span | null {
  const { bytes } = text
  const start = at - 2
  if (start < text.floor || bytes[at - 1] !== 0x79 || bytes[start] !== 0x65 || !startsWord(text, start)) {
    return null
  }
  // Inside base64url, where every beginning would have to be decoded.
  if (start > text.from && isIn(bytes[start - 1], UNDERSCORE | DASH)) return null
  const headerEnd = runEnd(text, start, TOKEN, MAX_JWT_HEADER_BYTES + 1)
  if (headerEnd - start > MAX_JWT_HEADER_BYTES) return null
  if (runsOut(text, headerEnd)) return { start, end: OPEN }
  if (bytes[headerEnd] !== DOT_BYTE || !hasAlgorithm(bytes.toString('latin1', start, headerEnd))) return null
  const limit = start + MAX_JWT_BYTES
  let end = headerEnd
  let parts = 1
  while (parts < MAX_JWT_PARTS && end < text.to && bytes[end] === DOT_BYTE && end + 1 < limit) {
    const partEnd = runEnd(text, end + 1, TOKEN, limit - end - 1)
    if (partEnd < limit && runsOut(text, partEnd)) return { start, end: OPEN }
    // The dot that ends a sentence is not the beginning of a fourth part; an unsecured token's third part is empty.
    if (partEnd === end + 1 && parts >= 3) break
    end = partEnd
    parts += 1
  }
  return parts >= 3 ? { start, end } : null
}

/** True for JSON with a text as `alg`. No parser: it would throw for each of a body full of imitations. */
function hasAlgorithm(header: string): boolean {
  const json = Buffer.from(header, 'base64url')
  if (json[json.length - 1] !== CLOSE_BRACE) return false
  const { entries } = scanTopLevel(json, MAX_JWT_HEADER_DEPTH)
  return entries.some(({ key, start, end }) => {
    return key === 'alg' && json[start] === QUOTE && end - start > 1 && json[end - 1] === QUOTE
  })
}
