/** Streamed answers: values in pieces, whatever the pieces, and memory that stays bounded. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRedactor, createStreamRedactor, type Redactor } from '../../../../src/audit/redact/redactor.ts'
import { filler, redactorFor, rules, TOKEN_KEY, textWithValues } from './values.ts'

const staff = { name: 'staff', regex: '\\bEMP-\\d{5,8}\\b', action: 'mask' } as const
const mask = redactorFor('mask')
const withPattern = redactorFor('mask', [staff])
const KEY = `sk-proj-${'a1B2c3D4'.repeat(5)}`

type Delta = Record<string, unknown>

const chunk = (delta: Delta, index = 0) =>
  `data: ${JSON.stringify({ id: 'chatcmpl-1', choices: [{ index, delta, finish_reason: null }] })}\n\n`
const DONE = 'data: [DONE]\n\n'

/** What a redactor keeps of a stream, given in the pieces of `cuts`. */
function kept(
  redactor: Redactor,
  stream: Buffer,
  cuts: readonly number[] = [],
): { text: string; found: unknown } {
  const redacting = createStreamRedactor(redactor)
  const ends = [...cuts.map((cut) => cut % (stream.length + 1)), stream.length].toSorted((a, b) => a - b)
  const pieces = ends.map((end, at) => redacting.push(stream.subarray(ends[at - 1] ?? 0, end)))
  pieces.push(redacting.end())
  return { text: Buffer.concat(pieces).toString(), found: redacting.found }
}

/** The events' JSON, in order. */
function eventsOf(text: string): { choices: { index: number; delta: Delta }[]; delta?: string }[] {
  return [...text.matchAll(/^data: (\{.*\})$/gm)].map(([, json = '']) => JSON.parse(json))
}

const contentOf = (text: string, index = 0) =>
  eventsOf(text)
    .flatMap(({ choices }) => choices.filter((choice) => choice.index === index))
    .map(({ delta }) => delta.content ?? '')
    .join('')

/** Cuts a text into pieces of one to five characters, as models do. */
const inPieces = (text: string, sizes: readonly number[]): string[] => {
  const characters = [...text]
  const pieces: string[] = []
  for (let at = 0, turn = 0; at < characters.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1
    pieces.push(characters.slice(at, at + size).join(''))
    at += size
  }
  return pieces
}

const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 20 })
/** Values, near-values, and soup of what wakes detectors: where pieces could be decided otherwise than the whole. */
const anyText = fc.oneof(
  textWithValues.map(({ text }) => text),
  fc.string({ unit: fc.constantFrom(...'sk-_AIzaKeyJ.0123456789+@ BEGIN\\n'), maxLength: 120 }),
  fc
    .array(
      fc.oneof(
        filler,
        fc.constantFrom(
          'EMP-',
          '12345',
          'sk-',
          'proj-',
          '4111',
          ' ',
          '1111',
          '-----',
          'BEGIN PRIVATE KEY',
          'ada@',
          'example',
          '.com',
          '+49 ',
          'DE89 ',
        ),
      ),
      { maxLength: 30 },
    )
    .map((parts) => parts.join('')),
)

describe('a value that is spread over many events', () => {
  test('is found as in the whole text: the kept pieces joined are the redacted text', () => {
    fc.assert(
      fc.property(anyText, sizes, fc.constantFrom(mask, withPattern), (text, pieceSizes, redactor) => {
        const stream = inPieces(text, pieceSizes).map((content) => chunk({ content }))

        const { text: keptText, found } = kept(redactor, Buffer.from(stream.join('') + DONE))

        const whole = redactor.redact(Buffer.from(JSON.stringify({ text })))
        expect(contentOf(keptText)).toBe(JSON.parse(whole.body.toString()).text)
        expect(found).toEqual(whole.found)
        expect(eventsOf(keptText)).toHaveLength(stream.length)
      }),
      { numRuns: 400 },
    )
  })

  test('is found when something else could have begun in the middle of it', () => {
    for (const text of ['a.é8@a.com x', 'ada7@example.com.', 'x4111@ab.de ']) {
      const stream = [...text].map((content) => chunk({ content }))

      const { text: keptText } = kept(mask, Buffer.from(stream.join('') + DONE))

      expect(contentOf(keptText)).toMatch(/^\[email\]/)
    }
  })

  test('gives its place to the replacement in the first event and nothing in the others', () => {
    const stream = ['Key: ', 'sk-', 'proj-', 'a1B2c3D4a1B2c3', 'D4e5', ' ok'].map((content) =>
      chunk({ content }),
    )

    const { text } = kept(mask, Buffer.from(stream.join('')))

    expect(eventsOf(text).map(({ choices }) => choices[0]?.delta.content)).toEqual([
      'Key: ',
      '[provider_key]',
      '',
      '',
      '',
      ' ok',
    ])
  })

  test('and the same bytes cut anywhere else are kept the same', () => {
    fc.assert(
      fc.property(
        anyText,
        sizes,
        fc.array(fc.nat(5000), { maxLength: 12 }),
        fc.constantFrom('\n', '\r\n', '\r'),
        (text, pieceSizes, cuts, end) => {
          const events = inPieces(text, pieceSizes).map((content) => chunk({ content }))
          const stream = Buffer.from((events.join('') + DONE).replaceAll('\n', end))

          expect(kept(withPattern, stream, cuts)).toEqual(kept(withPattern, stream))
        },
      ),
    )
  })

  test('also when every byte comes alone', () => {
    const stream = Buffer.from(
      inPieces(`x ${KEY} y 4111 1111 1111 1111 z`, [3])
        .map((content) => chunk({ content }))
        .join(''),
    )

    const { text } = kept(
      mask,
      stream,
      Array.from({ length: stream.length }, (_, at) => at),
    )

    expect(contentOf(text)).toBe('x [provider_key] y [card] z')
  })

  test.each<[string, (piece: string) => string, (text: string) => string]>([
    [
      'reasoning',
      (piece) => chunk({ reasoning_content: piece }),
      (text) =>
        eventsOf(text)
          .map(({ choices }) => choices[0]?.delta.reasoning_content)
          .join(''),
    ],
    [
      'refusals',
      (piece) => chunk({ refusal: piece }),
      (text) =>
        eventsOf(text)
          .map(({ choices }) => choices[0]?.delta.refusal)
          .join(''),
    ],
    [
      'arguments of tools',
      (piece) => chunk({ tool_calls: [{ index: 1, function: { arguments: piece } }] }),
      (text) => [...text.matchAll(/"arguments":"([^"]*)"/g)].map(([, piece]) => piece).join(''),
    ],
    [
      'completions',
      (piece) => `data: ${JSON.stringify({ choices: [{ text: piece, index: 0 }] })}\n\n`,
      (text) => [...text.matchAll(/"text":"([^"]*)"/g)].map(([, piece]) => piece).join(''),
    ],
    [
      'responses',
      (piece) =>
        `event: response.output_text.delta\ndata: ${JSON.stringify({ type: 'response.output_text.delta', output_index: 0, content_index: 0, delta: piece })}\n\n`,
      (text) =>
        eventsOf(text)
          .map(({ delta }) => delta)
          .join(''),
    ],
  ])('in %s', (_name, write, read) => {
    const stream = inPieces(`the key ${KEY} here`, [4]).map(write).join('')

    const { text, found } = kept(mask, Buffer.from(stream))

    expect(read(text)).toBe('the key [provider_key] here')
    expect(found).toEqual({ provider_key: 1 })
  })

  test('is found in each of several texts that come in turn, and joined with no other', () => {
    const pieces = inPieces(KEY, [6])
    const stream = pieces.flatMap((content) => [
      chunk({ content }, 0),
      chunk({ content }, 1),
      chunk({ tool_calls: [{ index: 0, function: { arguments: content } }] }, 1),
    ])

    const { text, found } = kept(mask, Buffer.from(stream.join('')))

    expect(found).toEqual({ provider_key: 3 })
    expect([contentOf(text, 0), contentOf(text, 1)]).toEqual(['[provider_key]', '[provider_key]'])
    expect(text).not.toContain('a1B2')
  })

  test('is not found across two texts', () => {
    const stream = chunk({ content: KEY.slice(0, 10) }) + chunk({ refusal: KEY.slice(10) })

    expect(kept(mask, Buffer.from(stream)).found).toBeNull()
  })
})

describe('a value in one place of a stream', () => {
  test('is found in strings that are no pieces, in comments and in lines that are no JSON', () => {
    const stream = `: ${KEY}\nevent: ${KEY}\ndata: {"id":"${KEY}","delta":{"role":"${KEY}"},"n":4111111111111111}\n\ndata: ${KEY}\n\n`

    const { text, found } = kept(mask, Buffer.from(stream))

    expect(found).toEqual({ provider_key: 5, card: 1 })
    expect(text).toBe(
      ': [provider_key]\nevent: [provider_key]\ndata: {"id":"[provider_key]","delta":{"role":"[provider_key]"},"n":"[card]"}\n\ndata: [provider_key]\n\n',
    )
  })

  test('is found in the text of a last event that repeats the whole answer', () => {
    const done = { type: 'response.completed', response: { output: [{ content: [{ text: `x ${KEY}` }] }] } }

    expect(kept(mask, Buffer.from(`data: ${JSON.stringify(done)}\n\n`)).text).toContain(
      '"text":"x [provider_key]"',
    )
  })

  test('redact takes a whole stream for what it is', () => {
    const stream = inPieces(`a ${KEY} b`, [3])
      .map((content) => chunk({ content }))
      .join('')

    const { body, found } = mask.redact(Buffer.from(stream))

    expect(contentOf(body.toString())).toBe('a [provider_key] b')
    expect(found).toEqual({ provider_key: 1 })
  })
})

describe('holding back', () => {
  const push = (redacting: ReturnType<typeof createStreamRedactor>, text: string) =>
    redacting.push(Buffer.from(text)).toString()

  test('ends with the event in which a word turns out to be one', () => {
    const redacting = createStreamRedactor(mask)

    const first = push(redacting, chunk({ content: 'Good morn' }))
    const second = push(redacting, chunk({ content: 'ing, ' }))

    expect(first).toBe('')
    expect(contentOf(second)).toBe('Good morning, ')
  })

  test('lasts while a key may go on, and gives events out in their order', () => {
    const redacting = createStreamRedactor(mask)

    const during = [chunk({ content: KEY }), chunk({ content: 'more' }), chunk({ role: 'assistant' })].map(
      (event) => push(redacting, event),
    )
    const after = push(redacting, chunk({ content: ' end' }))

    expect(during).toEqual(['', '', ''])
    expect(contentOf(after)).toBe('[provider_key]')
    expect(redacting.end().toString()).toContain('end')
  })

  test('stops for a text that others have long left behind', () => {
    const redacting = createStreamRedactor(mask)
    push(redacting, chunk({ content: 'the end' }, 0))

    const out = Array.from({ length: 100 }, () => push(redacting, chunk({ content: 'word, ' }, 1)))

    expect(contentOf(out.join(''), 0)).toBe('the end')
    expect(contentOf(out.join(''), 1).length).toBeGreaterThan(500)
  })

  test('is bounded: a key that never ends is decided after a mebibyte', () => {
    const redacting = createStreamRedactor(mask)
    const padding = 'x'.repeat(1000)
    let given = 0
    let held = 0
    let most = 0
    const send = (content: string) => {
      const event = Buffer.from(
        `data: ${JSON.stringify({ padding, choices: [{ index: 0, delta: { content } }] })}\n\n`,
      )
      given += event.length
      held = given - redacting.push(event).length - (given - event.length - held)
      most = Math.max(most, held)
    }

    send('-----BEGIN PRIVATE KEY-----\n')
    for (let at = 0; at < 3000; at += 1) send('abc/')

    expect(most).toBeGreaterThan(500_000)
    expect(most).toBeLessThan(1_060_000)
    expect(redacting.found).toEqual({ pem: 1 })
  })
})

test('drop gives out nothing more once its kind was found', () => {
  const drop = createRedactor({ kinds: { ...rules('mask'), card: 'drop' }, patterns: [] }, TOKEN_KEY)
  const redacting = createStreamRedactor(drop)

  const before = redacting.push(Buffer.from(chunk({ content: 'Hello, ' })))
  const after = [chunk({ content: '4111 1111 1111 1111 ' }), chunk({ content: 'and more, ' })].map((event) =>
    redacting.push(Buffer.from(event)),
  )

  expect(before.length).toBeGreaterThan(0)
  expect(Buffer.concat([...after, redacting.end()])).toHaveLength(0)
  expect(redacting.found).toEqual({ card: 1 })
  expect(drop.redact(Buffer.from(chunk({ content: '4111 1111 1111 1111 ' })))).toEqual({
    body: Buffer.alloc(0),
    found: { card: 1 },
  })
})

test('a stream with every kind off passes as it is', () => {
  const off = createStreamRedactor(createRedactor({ kinds: rules('off'), patterns: [] }, TOKEN_KEY))
  const bytes = Buffer.from(chunk({ content: KEY }).slice(0, 40))

  expect(off.push(bytes)).toBe(bytes)
  expect(off.end()).toHaveLength(0)
})
