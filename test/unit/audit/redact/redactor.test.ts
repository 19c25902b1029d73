/** Whole bodies: what stays the same, what takes a value's place, and that nothing hides in an encoding. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRedactor } from '../../../../src/audit/redact/redactor.ts'
import { anyValue, filler, redactorFor, rules, TOKEN_KEY, textWithValues, VALUES } from './values.ts'

const mask = redactorFor('mask')
const tokenise = redactorFor('tokenise')
const CARD = '4111 1111 1111 1111'

/** JSON with every character of strings written as an escape: what no writer does and every reader takes. */
function escapedFully(value: unknown): string {
  if (typeof value === 'string') {
    const units = Array.from({ length: value.length }, (_, at) => value.charCodeAt(at))
    return `"${units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')}"`
  }
  if (Array.isArray(value)) return `[${value.map(escapedFully).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  return `{${Object.entries(value)
    .map(([key, one]) => `${escapedFully(key)}:${escapedFully(one)}`)
    .join(',')}}`
}

/** As PHP and Python write: `\/` and `\u00e9`. */
const escapedAbroad = (value: unknown) =>
  JSON.stringify(value)
    .replaceAll('/', '\\/')
    .replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** The same value with every text, number, true, false and null as its type: what two bodies share after redaction. */
function structureOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(structureOf)
  if (typeof value !== 'object' || value === null) return 'leaf'
  return Object.values(value).map(structureOf)
}

const jsonWithValues = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    textWithValues.map(({ text }) => text),
    fc.string(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    VALUES.card.map((card) => Number(card.replace(/\D/g, ''))),
    fc.array(tie('node'), { maxLength: 4 }),
    fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), tie('node'), { maxKeys: 4 }),
  ),
})).node

describe('a body with nothing to find', () => {
  test.each(['', '{}', '{"a":"plain"}', 'plain', '[1,2.5,null]', 'data: {"a":1}\n\ndata: [DONE]\n\n'])(
    '%j is the same object',
    (text) => {
      const body = Buffer.from(text)

      const redacted = mask.redact(body)

      expect(redacted.body).toBe(body)
      expect(redacted.found).toBeNull()
    },
  )

  test('is the same object when every kind is off', () => {
    const body = Buffer.from(CARD)

    expect(createRedactor({ kinds: rules('off'), patterns: [] }, TOKEN_KEY).redact(body).body).toBe(body)
  })
})

describe('JSON', () => {
  test('stays JSON of the same structure, however it is escaped', () => {
    fc.assert(
      fc.property(
        jsonWithValues,
        fc.constantFrom(JSON.stringify, escapedFully, escapedAbroad),
        (value, write) => {
          const { body } = mask.redact(Buffer.from(write({ value })))

          const parsed: unknown = JSON.parse(body.toString())
          expect(structureOf(parsed)).toEqual(structureOf({ value }))
        },
      ),
    )
  })

  test('keeps no value of any kind, however it is escaped', () => {
    fc.assert(
      fc.property(
        textWithValues,
        fc.constantFrom(JSON.stringify, escapedFully, escapedAbroad),
        ({ text, values }, write) => {
          const { body, found } = mask.redact(
            Buffer.from(write({ messages: [{ content: text }], [text]: 1 })),
          )

          const parsed = JSON.parse(body.toString()) as { messages: [{ content: string }] }
          const shown = JSON.stringify(parsed)
          for (const { value } of values) expect(shown).not.toContain(JSON.stringify(value).slice(1, -1))
          for (const { kind } of values) expect(found?.[kind]).toBeGreaterThan(0)
          expect(Object.keys(parsed)[1]).toBe(parsed.messages[0].content)
        },
      ),
    )
  })

  test('is changed where the value stands and nowhere else', () => {
    const body = Buffer.from(`{ "a" : "\\u0041é\\n${CARD}\\/x" ,\t"big":12345678901234567890, "e":1e21 }`)

    const { body: redacted } = mask.redact(body)

    expect(redacted.toString()).toBe(
      '{ "a" : "\\u0041é\\n[card]\\/x" ,\t"big":12345678901234567890, "e":1e21 }',
    )
    expect(body.toString()).toContain(CARD)
  })

  test('a number that is found becomes a string', () => {
    const { body } = mask.redact(
      Buffer.from('{"pan":4111111111111111,"list":[-4111111111111111,4111111111111111.5]}'),
    )

    expect(body.toString()).toBe('{"pan":"[card]","list":["[card]",4111111111111111.5]}')
  })

  test('inside a JSON string is looked into', () => {
    const key = `-----BEGIN PRIVATE KEY-----\n${'abcd'.repeat(16)}\n-----END PRIVATE KEY-----\n`
    const call = { function: { arguments: JSON.stringify({ file: JSON.stringify({ key }) }) } }

    const { body, found } = mask.redact(Buffer.from(JSON.stringify(call)))

    expect(found).toEqual({ pem: 1 })
    expect(body.toString()).not.toContain('abcd')
    expect(JSON.parse(JSON.parse(JSON.parse(body.toString()).function.arguments).file)).toEqual({
      key: '[pem]\n',
    })
  })

  test('no value reaches from one string into the next', () => {
    const body = Buffer.from(
      '["4111 1111","1111 1111","ada@","example.com","-----BEGIN PRIVATE KEY-----","-----END PRIVATE KEY-----"]',
    )

    expect(mask.redact(body).found).toBeNull()
  })

  test('that was cut off is looked into as far as it goes', () => {
    const { body } = mask.redact(Buffer.from(`{"messages":[{"content":"line\\n${CARD} and \\`))

    expect(body.toString()).toBe('{"messages":[{"content":"line\\n[card] and \\')
  })

  test('that is none after all is text', () => {
    expect(mask.redact(Buffer.from(`{"a": ${CARD} }`)).body.toString()).toBe('{"a": [card] }')
    expect(mask.redact(Buffer.from(`[INST] ${CARD} [/INST]`)).body.toString()).toBe('[INST] [card] [/INST]')
  })

  test('the quick look before the real one misses nothing', () => {
    const never = redactorFor('mask', [{ name: 'never', regex: '\\x00never', action: 'mask' }])
    const letters = fc.string({
      unit: fc.constantFrom(...'sk-_AIzKeyJ.0123456789+@ BEGINDE\\u"n-'),
      maxLength: 80,
    })

    fc.assert(
      fc.property(
        fc.oneof(
          letters,
          textWithValues.map(({ text }) => text),
        ),
        (text) => {
          const body = Buffer.from(JSON.stringify({ text }))

          expect(mask.redact(body).body.toString()).toBe(never.redact(body).body.toString())
        },
      ),
    )
  })
})

describe('bytes that are no UTF-8', () => {
  test('keep every byte but the value’s', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 40 }), (before, after) => {
        const edge = Buffer.from(' | ')
        const body = Buffer.concat([Buffer.from([0xff]), before, edge, Buffer.from(CARD), edge, after])

        const { body: redacted } = mask.redact(body)

        expect(redacted.includes(CARD)).toBe(false)
        expect(redacted.subarray(0, before.length + 4)).toEqual(body.subarray(0, before.length + 4))
        expect(redacted.subarray(-after.length - 3)).toEqual(body.subarray(-after.length - 3))
      }),
    )
  })
})

describe('tokenise', () => {
  test('gives one value one token, and other values others', () => {
    fc.assert(
      fc.property(anyValue, anyValue, filler, ({ kind, value }, other, between) => {
        const token = (text: string) =>
          /\[[a-z_]+:[0-9a-f]{16}\]/.exec(tokenise.redact(Buffer.from(text)).body.toString())?.[0]

        const one = token(`${between}${value} `)
        expect(one).toMatch(new RegExp(`^\\[${kind}:[0-9a-f]{16}\\]$`))
        expect(token(JSON.stringify({ deep: [`x ${value} y`] }))).toBe(one)
        if (other.value !== value && other.kind !== kind) expect(token(` ${other.value} `)).not.toBe(one)
      }),
    )
  })

  test.each([
    ['a card', '4111111111111111', '4111-1111-1111-1111'],
    ['an IBAN', 'DE89370400440532013000', 'DE89 3704 0044 0532 0130 00'],
    ['an address', 'Ada@Example.com', 'ada@example.com'],
    ['a phone', '+49 170 1234567', '+49-170-1234567'],
    [
      'a private key',
      `-----BEGIN PRIVATE KEY-----\n${'abcd'.repeat(16)}\n-----END PRIVATE KEY-----`,
      `-----BEGIN PRIVATE KEY-----\\n${'abcd'.repeat(8)}\\r\\n${'abcd'.repeat(8)}\\n-----END PRIVATE KEY-----`,
    ],
  ])('%s has the same token however it is written', (_name, one, other) => {
    const [first, second] = [one, other].map((text) =>
      tokenise.redact(Buffer.from(`x ${text} x`)).body.toString(),
    )

    expect(first).toBe(second)
  })

  test('depends on the key and on the kind', () => {
    const other = createRedactor({ kinds: rules('tokenise'), patterns: [] }, Buffer.alloc(32, 8))
    const body = Buffer.from(CARD)

    expect(other.redact(body).body).not.toEqual(tokenise.redact(body).body)
    // As openssl says: printf 'card\0004111111111111111' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0707…
    expect(tokenise.redact(body).body.toString()).toBe('[card:b752395ecf17d28c]')
  })
})

test('drop leaves nothing of the body and says why', () => {
  const drop = createRedactor({ kinds: { ...rules('mask'), card: 'drop' }, patterns: [] }, TOKEN_KEY)

  expect(drop.redact(Buffer.from(`${CARD} ada@example.com`))).toEqual({
    body: Buffer.alloc(0),
    found: { card: 1, email: 1 },
  })
  expect(drop.redact(Buffer.from('ada@example.com')).body.toString()).toBe('[email]')
})

describe('a pattern of the configuration', () => {
  const staff = { name: 'staff', regex: '\\bEMP-\\d{5,8}\\b', action: 'mask' } as const

  test('is found beside the built-in kinds', () => {
    const { body, found } = redactorFor('mask', [staff]).redact(
      Buffer.from(`{"a":"EMP-12345\\n${CARD} XEMP-12345"}`),
    )

    expect(body.toString()).toBe('{"a":"[staff]\\n[card] XEMP-12345"}')
    expect(found).toEqual({ staff: 1, card: 1 })
  })

  test('is found anywhere in a long text, once each', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(700), { minLength: 1, maxLength: 30 }),
        fc.constantFrom('x', 'é', '你'),
        (gaps, letter) => {
          const text = gaps.map((gap) => `${letter.repeat(gap)} EMP-12345 `).join('')

          const { body, found } = redactorFor('mask', [staff]).redact(Buffer.from(text))

          expect(found).toEqual({ staff: gaps.length })
          expect(body.toString()).toBe(text.replaceAll('EMP-12345', '[staff]'))
        },
      ),
    )
  })

  test('sees the text before a match as it is: beginnings and word boundaries are no artefact of the search', () => {
    const text = `${'a'.repeat(5000)}EMP-12345`
    const beginning = { name: 'beginning', regex: '^a', action: 'mask' } as const

    expect(redactorFor('mask', [staff]).redact(Buffer.from(text)).found).toBeNull()
    expect(redactorFor('mask', [beginning]).redact(Buffer.from(text)).found).toEqual({ beginning: 1 })
  })

  test('and a kind that overlap are taken out together, under the name of the first', () => {
    const login = { name: 'login', regex: 'login: \\S+ \\S+', action: 'mask' } as const

    const { body, found } = redactorFor('mask', [login]).redact(
      Buffer.from('x login: ada@example.com secret y'),
    )

    expect(body.toString()).toBe('x [login] y')
    expect(found).toEqual({ login: 1, email: 1 })
  })

  test('takes a number of JSON whole', () => {
    const digits = { name: 'digits', regex: '23', action: 'mask' } as const

    expect(redactorFor('off', [digits]).redact(Buffer.from('{"a":12345,"b":"x23"}')).body.toString()).toBe(
      '{"a":"[digits]","b":"x[digits]"}',
    )
  })

  test('that matches no character at some places comes to an end and finds what has some', () => {
    const sometimes = { name: 'sometimes', regex: 'a+|(?m:^)\\bz*', action: 'mask' } as const

    expect(redactorFor('off', [sometimes]).redact(Buffer.from('one\nzq aa')).found).toEqual({
      sometimes: 2,
    })
  })

  test('that RE2 refuses is an error of the program that made the redactor', () => {
    expect(() => redactorFor('mask', [{ name: 'a', regex: '(?=a)b', action: 'mask' }])).toThrow(RangeError)
  })
})
