/** Made-up secrets and personal data of every kind, written by their published rules; none was ever issued. */

import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { createRedactor, type Redactor } from '../../../../src/audit/redact/redactor.ts'
import {
  REDACTED_KINDS,
  type RedactedKind,
  type RedactionAction,
  type RedactionPattern,
} from '../../../../src/lib/redaction-rules.ts'

export const TOKEN_KEY = Buffer.alloc(32, 7)

export function rules(
  action: RedactionAction,
  kinds: readonly RedactedKind[] = REDACTED_KINDS,
): Record<RedactedKind, RedactionAction> {
  const all = REDACTED_KINDS.map((kind) => [kind, kinds.includes(kind) ? action : 'off'] as const)
  return Object.fromEntries(all) as Record<RedactedKind, RedactionAction>
}

export function redactorFor(action: RedactionAction, patterns: readonly RedactionPattern[] = []): Redactor {
  return createRedactor({ kinds: rules(action), patterns }, TOKEN_KEY)
}

const LOWER = 'abcdefghijklmnopqrstuvwxyz'
const DIGITS = '0123456789'
const UPPER = LOWER.toUpperCase()
const ALNUM = LOWER + UPPER + DIGITS
const TOKEN = `${ALNUM}-_`

function letters(of: string, min: number, max = min): fc.Arbitrary<string> {
  return fc.string({ unit: fc.constantFrom(...of), minLength: min, maxLength: max })
}

function prefixed(prefix: string, body: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return body.map((text) => `${prefix}${text}`)
}

const providerKey = fc.oneof(
  prefixed('sk-proj-', letters(TOKEN, 40, 150)).map((key) => `${key}7a`),
  prefixed('sk-ant-api03-', letters(TOKEN, 93)).map((key) => `${key}7AA`),
  prefixed('sk-', letters(ALNUM, 48)).map((key) => `${key}7`),
  prefixed('AIza', letters(ALNUM, 35)),
  prefixed('AQ.Ab', letters(TOKEN, 45)).map((key) => `${key}x`),
  prefixed('AKIA', letters(`${UPPER}234567`, 16)),
  prefixed('ASIA', letters(`${UPPER}234567`, 16)),
  prefixed('ghp_', letters(ALNUM, 36)),
  prefixed('github_pat_', letters(`${ALNUM}_`, 82)),
  prefixed('glpat-', letters(TOKEN, 20)).map((key) => `${key}x`),
  prefixed('xoxb-', letters(DIGITS, 12)).map((key) => `${key}-a1B2`),
  prefixed('sk_live_', letters(ALNUM, 24)),
  prefixed('rk_live_', letters(ALNUM, 24)),
  prefixed('hf_', letters(ALNUM, 34)),
  fc
    .tuple(letters('0123456789abcdefghjkmnpqrstvwxyz', 26), letters(ALNUM, 43))
    .map(([id, secret]) => `vk_${id}_${secret}`),
)

const jwt = fc
  .tuple(fc.constantFrom('HS256', 'RS256', 'none'), fc.object({ maxDepth: 1 }), letters(TOKEN, 43))
  .map(([alg, claims, signature]) => {
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    return `${part({ alg, typ: 'JWT' })}.${part(claims)}.${signature}x`
  })

const pem = fc
  .tuple(
    fc.constantFrom('PRIVATE KEY', 'RSA PRIVATE KEY', 'OPENSSH PRIVATE KEY', 'ENCRYPTED PRIVATE KEY'),
    fc.array(letters(`${ALNUM}+/`, 64), { minLength: 1, maxLength: 12 }),
    letters(`${ALNUM}+/`, 1, 60),
    fc.constantFrom('\n', '\r\n'),
  )
  .map(([label, lines, last, end]) =>
    [`-----BEGIN ${label}-----`, ...lines, `${last}==`, `-----END ${label}-----`].join(end),
  )

/** With its Luhn check digit (ISO/IEC 7812-1 annex B). */
export function withCheckDigit(digits: string): string {
  const sum = [...digits].toReversed().reduce((total, digit, index) => {
    const doubled = index % 2 === 0 ? Number(digit) * 2 : Number(digit)
    return total + (doubled > 9 ? doubled - 9 : doubled)
  }, 0)
  return `${digits}${(10 - (sum % 10)) % 10}`
}

const card = fc
  .tuple(
    fc.constantFrom(
      ['4', 16],
      ['51', 16],
      ['2221', 16],
      ['6011', 16],
      ['3528', 16],
      ['62', 16],
    ) as fc.Arbitrary<[string, number]>,
    letters(DIGITS, 19),
    fc.constantFrom('', ' ', '-'),
  )
  .map(([beginning, rest, separator]) => {
    const digits = withCheckDigit(`${beginning[0]}${rest}`.slice(0, beginning[1] - 1))
    return (digits.match(/.{1,4}/g) ?? []).join(separator)
  })

/** With its check digits (ISO/IEC 7064 MOD 97-10), in big numbers where the detector works by remainders. */
export function ibanOf(country: string, account: string): string {
  const digits = [...`${account}${country}00`].map((letter) => Number.parseInt(letter, 36)).join('')
  const check = 98n - (BigInt(digits) % 97n)
  return `${country}${String(check).padStart(2, '0')}${account}`
}

const iban = fc
  .tuple(
    fc.constantFrom(['DE', 18], ['FR', 23], ['GB', 18], ['NO', 11], ['LC', 28]) as fc.Arbitrary<
      [string, number]
    >,
    letters(`${UPPER}${DIGITS}`, 28),
    fc.constantFrom('', ' '),
  )
  .map(([[country, length], account, separator]) =>
    (ibanOf(country, account.slice(0, length)).match(/.{1,4}/g) ?? []).join(separator),
  )

const email = fc
  .tuple(
    letters(LOWER, 1, 12),
    letters(`${ALNUM}é`, 1, 12),
    letters(LOWER, 1, 12),
    fc.constantFrom('com', 'co.uk', 'de'),
  )
  .map(([first, last, host, ending]) => `${first}.${last}@${host}.${ending}`)

const phone = fc
  .tuple(fc.constantFrom('+49 ', '+44-', '+33', '+852 '), letters('123456789', 4), letters(DIGITS, 4, 5))
  .map(([code, first, second]) => `${code}${first} ${second}`)

/** A value of each kind, as people write them. */
export const VALUES: Readonly<Record<RedactedKind, fc.Arbitrary<string>>> = {
  provider_key: providerKey,
  jwt,
  pem,
  card,
  iban,
  email,
  phone,
}

export const anyValue = fc.oneof(
  ...REDACTED_KINDS.map((kind) => VALUES[kind].map((value) => ({ kind, value }))),
)

/** Words between values: nothing that any detector knows, in several alphabets and with what JSON escapes. */
export const filler = fc.constantFrom(
  'the key is ',
  ' and ',
  '\n',
  ': "',
  '" ',
  ' → ',
  ' 你好 ',
  ' (',
  ') ',
  '\\ ',
  '\t',
  ' é ',
  ', ',
  ' 😀 ',
  '; ',
  ' / ',
)

/** What may follow a value: a letter right after it would belong to it. */
const ending = filler.filter((text) => !/^[a-z]/.test(text))

/** Text with at least one value, each between fillers. */
export const textWithValues = fc
  .array(fc.tuple(filler, anyValue, ending), { minLength: 1, maxLength: 4 })
  .map((parts) => ({
    text: parts.map(([before, { value }, after]) => `${before}${value}${after}`).join(''),
    values: parts.map(([, value]) => value),
  }))

/** A digest in hexadecimal, for corpora that must not change from run to run. */
export function digestOf(seed: number): Buffer {
  return createHash('sha256').update(String(seed)).digest()
}
