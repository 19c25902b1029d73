/** What each kind finds and, as important, what it leaves alone. */

import { describe, expect, test } from 'vitest'
import { createRedactor } from '../../../../src/audit/redact/redactor.ts'
import { REDACTED_KINDS, type RedactedKind } from '../../../../src/lib/redaction-rules.ts'
import { digestOf, ibanOf, redactorFor, rules, TOKEN_KEY, withCheckDigit } from './values.ts'

const everything = redactorFor('mask')

const redacted = (text: string) => everything.redact(Buffer.from(text)).body.toString()
const found = (text: string) => everything.redact(Buffer.from(text)).found

/** Forty letters and digits that no scanner of repositories takes for a key. */
const BODY = 'a1b2c3d4e5f6g7h8i9j0a1b2c3d4e5f6g7h8i9j0'
const JWT = [{ alg: 'HS256' }, { sub: '1' }, 'x']
  .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
  .join('.')
const KEY_LINES = `${'MIIEvQ+/'.repeat(8)}\n${'MIIEvQ+/'.repeat(8)}`

describe('a value is found', () => {
  test.each<[RedactedKind, string, string]>([
    ['provider_key', 'key=', `sk-proj-${BODY}`],
    ['provider_key', 'in a header: Bearer ', `sk-${BODY}`],
    ['provider_key', 'in an address: ?key%3D', `AIza${BODY.slice(0, 35)}`],
    ['provider_key', 'as Google writes it since 2026: ', `AQ.Ab${BODY}`],
    ['provider_key', 'of Anthropic: ', `sk-ant-api03-${BODY}-${BODY}AA`],
    ['provider_key', 'of OpenRouter: ', `sk-or-v1-${BODY}`],
    ['provider_key', 'of Slack: ', 'xoxb-123456789012-abcdef'],
    ['provider_key', 'of Groq: ', `gsk_${BODY}`],
    ['provider_key', 'after an underscore: my_', `ghp_${BODY}`],
    ['provider_key', 'of Aval: ', `vk_01k9z3v5w8x7y6z5t4s3r2q1p0_${BODY}abc`],
    ['jwt', 'Authorization: Bearer ', JWT],
    ['jwt', 'encrypted, five parts: ', `${JWT}.abc.def`],
    ['pem', '', `-----BEGIN PRIVATE KEY-----\n${KEY_LINES}\n-----END PRIVATE KEY-----`],
    ['pem', 'of one line: ', '-----BEGIN EC PRIVATE KEY----- MHcCAQEE -----END EC PRIVATE KEY-----'],
    [
      'pem',
      'with headers: ',
      `-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n${KEY_LINES}\n-----END RSA PRIVATE KEY-----`,
    ],
    [
      'pem',
      'of PGP: ',
      `-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n${KEY_LINES}\n-----END PGP PRIVATE KEY BLOCK-----`,
    ],
    ['pem', 'cut off: ', `-----BEGIN PRIVATE KEY-----\n${KEY_LINES}`],
    [
      'pem',
      'cut off after a header: ',
      `-----BEGIN RSA PRIVATE KEY-----\nDEK-Info: AES-128-CBC,00\n\n${KEY_LINES}\nMIIE`,
    ],
    ['card', 'Visa ', '4111111111111111'],
    ['card', 'with spaces ', '4111 1111 1111 1111'],
    ['card', 'with dashes ', '5555-5555-5555-4444'],
    ['card', 'American Express ', '3782 822463 10005'],
    ['card', 'Mastercard since 2017: ', withCheckDigit('222100000000000')],
    ['card', 'of nineteen digits ', withCheckDigit('620000000000000000')],
    ['card', 'in odd groups ', '411111 1111 111111'],
    ['iban', 'to ', 'DE89370400440532013000'],
    ['iban', 'printed ', 'GB29 NWBK 6016 1331 9268 19'],
    ['iban', 'with dashes ', 'NO93-8601-1117-947'],
    ['iban', 'the longest ', ibanOf('RU', '044525225408178105201234567890'.slice(0, 29))],
    ['email', 'write to ', 'ada.lovelace+notes@example.co.uk'],
    ['email', 'in brackets <', 'o.brien@example.com'],
    ['email', 'with other letters ', 'rené@exämple.fr'],
    ['phone', 'call ', '+49 170 1234567'],
    ['phone', 'call ', '+1 (415) 555-2671'],
    ['phone', 'tel:', '+442071838750'],
  ])('%s: %s%s', (kind, before, value) => {
    const text = redacted(`${before}${value}, please`)

    expect(text).toBe(`${before}[${kind}], please`)
  })

  test('at the end of a sentence, without its full stop', () => {
    const values = [`hf_${BODY}`, JWT, '4111 1111 1111 1111', 'ada@example.com', '+49 170 1234567']

    expect(values.map((value) => redacted(`It is ${value}.`))).toEqual([
      'It is [provider_key].',
      'It is [jwt].',
      'It is [card].',
      'It is [email].',
      'It is [phone].',
    ])
  })

  test('next to its date and its code', () => {
    expect(redacted('4111 1111 1111 1111 12/27 123')).toBe('[card] 12/27 123')
    expect(redacted('4111111111111111 123')).toBe('[card] 123')
  })

  test('after escapes that JSON inside a JSON string left behind', () => {
    expect(redacted(`{\\nsk-proj-${BODY}\\tada@example.com\\u00e9AKIA${'A'.repeat(16)}`)).toBe(
      '{\\n[provider_key]\\t[email]\\u00e9[provider_key]',
    )
  })

  test('as often as it stands there, counted by kind', () => {
    expect(found('4111111111111111 4111111111111111 ada@example.com')).toEqual({ card: 2, email: 1 })
  })
})

describe('left alone are', () => {
  test.each([
    [
      'words in kebab-case',
      'sk-loading-spinner-extra-large-2 risk-management-of-everything-2024 task-a1b2c3d4e5f6a7b8c9d0',
    ],
    ['names with underscores', 'gh_p hf_transfer task_sk_live max_tokens rk_lively xox-'],
    ['beginnings alone', 'sk- sk-proj- AIza AKIA ghp_ eyJ -----BEGIN hf_abc'],
    [
      'keys that are too short or too long',
      `sk-abc123 AKIA${'A'.repeat(15)} AKIA${'A'.repeat(17)} hf_${'a'.repeat(600)}`,
    ],
    ['three words with dots', 'eyJust.a.word eyJhbGciOiJ9.x.y'],
    ['a header without alg', `${Buffer.from('{"typ":"JWT"}').toString('base64url')}.abc.def`],
    ['public keys and certificates', '-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----'],
    ['talk about keys', 'A file begins with -----BEGIN PRIVATE KEY----- and goes on in base64.'],
    ['a wrong check digit', '4111111111111112 DE88370400440532013000'],
    ['beginnings that no issuer has', withCheckDigit('900000000000000')],
    ['lengths that no issuer has', withCheckDigit('41111111111111')],
    ['parts of longer numbers', '41111111111111111111111 04111111111111111'],
    ['decimals', '0.4111111111111111 4111111111111111.25'],
    [
      'parts of names and paths',
      'order_4111111111111111 /orders/4111111111111111 INV-4111111111111111 #4111111111111111 x4111111111111111',
    ],
    ['lists of numbers', '41 11 11 11 11 11 11 11 4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1'],
    ['more groups than a card has', '41111 111111 11111 22222 33333'],
    [
      'moments',
      '1732541400000 1732541400000000 1732541400000000000 2026-03-14T10:42:07.123456789Z 20260314104207',
    ],
    ['IBANs in words', 'XDE89370400440532013000 DE893704004405320130001 de89370400440532013000'],
    ['countries without IBANs', ibanOf('US', '370400440532013000')],
    ['mentions and packages', '@ada @types/node@24.19.2 user@localhost a@b icon@2x.png git@'],
    ['sums, versions and zones', '1+12345678 v1.0+20260314 +02:00 +0530 a+b=+1 +99912345678 +1 23 456 789'],
    ['numbers without a country', '0170 1234567 (415) 555-2671 0049 170 1234567'],
  ])('%s', (_name, text) => {
    expect(everything.redact(Buffer.from(text))).toMatchObject({ found: null })
  })

  test('ids, hashes, pictures and vectors: ten thousand of each', () => {
    const digests = Array.from({ length: 10_000 }, (_, at) => digestOf(at))
    const uuids = digests.map((bytes) =>
      bytes.toString('hex', 0, 16).replace(/(.{8})(.{3})(.{4})(.{4})(.{12}).*/, '$1-4$2-8$3-$4-$5'),
    )
    const hashes = digests.map((bytes) => bytes.toString('hex'))
    const snowflakes = digests.map((bytes) => String(bytes.readBigUInt64BE() % 1_500_000_000_000_000_000n))
    const vector = digests.map((bytes) => bytes.readInt32BE() / 2 ** 31)
    const picture = `data:image/png;base64,${Buffer.concat(digests).toString('base64')}`
    const strict = createRedactor(
      { kinds: rules('mask', ['provider_key', 'jwt', 'pem', 'iban', 'email', 'phone']), patterns: [] },
      TOKEN_KEY,
    )

    expect(found(uuids.join(' '))).toBeNull()
    expect(found(hashes.join(' '))).toBeNull()
    expect(found(JSON.stringify({ embedding: vector }))).toBeNull()
    expect(found(JSON.stringify({ url: picture }))).toBeNull()
    expect(strict.redact(Buffer.from(snowflakes.join(' '))).found).toBeNull()
  })

  test('order numbers, but for those that are right card numbers by chance', () => {
    const orders = Array.from(
      { length: 10_000 },
      (_, at) => `10${String(digestOf(at).readUInt32BE()).padStart(14, '0')}`,
    )
    const cardLike = Array.from(
      { length: 10_000 },
      (_, at) => `4${String(digestOf(at).readUIntBE(0, 6) % 10 ** 15).padStart(15, '0')}`,
    )

    expect(found(orders.join(' '))).toBeNull()
    // One check digit in ten fits; no rule can tell such a number from a card.
    expect(found(cardLike.join(' '))?.card).toBeLessThan(1_200)
  })
})

test('a kind that is off is not looked for', () => {
  const text = Buffer.from(
    `4111111111111111 ada@example.com hf_${BODY} ${JWT} DE89370400440532013000 +49 170 1234567`,
  )

  for (const kind of REDACTED_KINDS.filter((one) => one !== 'pem')) {
    const only = createRedactor({ kinds: rules('mask', [kind]), patterns: [] }, TOKEN_KEY)

    expect(only.redact(text).found).toEqual({ [kind]: 1 })
  }
})
