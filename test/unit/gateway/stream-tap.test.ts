/** The tap: whole events pass unchanged, the last is held, garbage is found, however the network cuts the bytes. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EventSplitter } from '../../../src/gateway/event-splitter.ts'
import { StreamTap } from '../../../src/gateway/stream-tap.ts'
import type { Operation } from '../../../src/providers/provider.ts'

const LINE_ENDS = { LF: '\n', CRLF: '\r\n', CR: '\r' } as const

const chunk = (content: string, more: object = {}) =>
  JSON.stringify({ id: 'c', choices: [{ index: 0, delta: { content }, finish_reason: null }], ...more })
const USAGE = JSON.stringify({ id: 'c', choices: [], usage: { prompt_tokens: 3, completion_tokens: 5 } })
const STOP = JSON.stringify({ id: 'c', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })

const events = (...data: string[]) => data.map((one) => `data: ${one}\n\n`).join('')

type Seen = {
  forwarded: string
  terminal: string | null
  usage: unknown
  finishReason: string | null
  fault: string | null
}

function run(pieces: readonly Buffer[], options: { operation?: Operation; strip?: boolean } = {}): Seen {
  const tap = new StreamTap(options.operation ?? 'chat', options.strip ?? false)
  const forwarded: Buffer[] = []
  for (const piece of pieces) {
    const ready = tap.push(piece)
    if (ready !== null) forwarded.push(ready)
  }
  const rest = tap.end()
  if (rest !== null) forwarded.push(rest)
  return {
    forwarded: Buffer.concat(forwarded).toString(),
    terminal: tap.terminal?.toString() ?? null,
    usage: tap.usage,
    finishReason: tap.finishReason,
    fault: tap.fault?.kind ?? null,
  }
}

const whole = (text: string, options: { operation?: Operation; strip?: boolean } = {}) =>
  run([Buffer.from(text)], options)
const bytewise = (text: string) => Array.from(Buffer.from(text), (byte) => Buffer.from([byte]))

describe('a healthy stream', () => {
  test('passes unchanged, and its last event is held', () => {
    const seen = whole(events(chunk('a'), chunk('b'), STOP, '[DONE]'))

    expect(seen).toEqual({
      forwarded: events(chunk('a'), chunk('b'), STOP),
      terminal: 'data: [DONE]\n\n',
      usage: null,
      finishReason: 'stop',
      fault: null,
    })
  })

  test('gives each event to the client as soon as it is whole', () => {
    const tap = new StreamTap('chat', false)

    expect(tap.push(Buffer.from(`data: ${chunk('a')}\n`))).toBeNull()
    expect(tap.push(Buffer.from(`\ndata: {"half`))?.toString()).toBe(events(chunk('a')))
  })

  test.each(Object.entries(LINE_ENDS))(
    'gives each event to the client one packet later at most, with %s',
    (_name, end) => {
      const tap = new StreamTap('chat', false)
      const packets = ['a', 'b', 'c'].map((text) => `data: ${chunk(text)}${end}${end}`)

      const sent = packets.map((packet) => tap.push(Buffer.from(packet))?.toString() ?? '').join('')

      expect(sent.startsWith(packets.slice(0, 2).join(''))).toBe(true)
    },
  )

  test('our own usage event is taken out, and read', () => {
    const seen = whole(events(chunk('a'), STOP, USAGE, '[DONE]'), { strip: true })

    expect(seen.forwarded).toBe(events(chunk('a'), STOP))
    expect(seen.usage).toEqual({
      inputTokens: 3,
      outputTokens: 5,
      cachedInputTokens: null,
      reasoningTokens: null,
    })
  })

  test('a usage event that the client asked for passes, and is read', () => {
    const seen = whole(events(chunk('a'), STOP, USAGE, '[DONE]'))

    expect(seen.forwarded).toBe(events(chunk('a'), STOP, USAGE))
    expect(seen.usage).toMatchObject({ inputTokens: 3 })
  })

  test('usage on an event that carries content too is read and never taken out', () => {
    const both = chunk('a', { usage: { prompt_tokens: 1, completion_tokens: 1 } })

    expect(whole(events(both, '[DONE]'), { strip: true })).toMatchObject({
      forwarded: events(both),
      usage: { inputTokens: 1 },
    })
  })

  test('comments, a byte order mark and fields without data pass', () => {
    const text = `\uFEFFdata: ${chunk('a')}\n\n: keep-alive\n\nretry: 5\n\ndata:${chunk('b')}\n\nevent: x\ndata: ${STOP}\n\n`

    expect(whole(`${text}data:[DONE]\n\n`)).toMatchObject({
      forwarded: text,
      terminal: 'data:[DONE]\n\n',
      fault: null,
    })
  })

  test('nothing that follows the last event is passed on', () => {
    const text = events(chunk('a'), '[DONE]', chunk('late'))

    expect(whole(text).forwarded).toBe(events(chunk('a')))
    expect(run([Buffer.from(text), Buffer.from(events(chunk('later')))]).forwarded).toBe(events(chunk('a')))
    expect(run(bytewise(text))).toEqual(whole(text))
  })

  test.each(['data: [DONE]', 'data: [DONE]\n', 'data:[DONE]\r\n'])(
    'the last line may lack its blank line: %j',
    (last) => {
      expect(whole(events(chunk('a')) + last).terminal).not.toBeNull()
    },
  )
})

describe('the last event of a Responses stream', () => {
  const created = JSON.stringify({
    type: 'response.created',
    response: { object: 'response', status: 'in_progress', error: null },
  })

  test.each([
    ['response.completed', 'completed'],
    ['response.incomplete', 'incomplete'],
    ['response.failed', 'failed'],
  ])('%s is held, with its usage and status', (type, status) => {
    const response = { object: 'response', status, usage: { input_tokens: 2, output_tokens: 4 } }
    const last = `event: ${type}\ndata: ${JSON.stringify({ type, response })}\n\n`

    const seen = whole(`event: response.created\ndata: ${created}\n\n${last}`, { operation: 'responses' })

    expect(seen).toMatchObject({
      forwarded: `event: response.created\ndata: ${created}\n\n`,
      terminal: last,
      usage: { inputTokens: 2, outputTokens: 4 },
      finishReason: status,
      fault: null,
    })
  })

  test('is not looked for in a chat stream', () => {
    expect(whole(events('{"type":"response.completed"}'))).toMatchObject({ terminal: null, fault: null })
  })
})

describe('a stream that goes wrong', () => {
  test('an error event stops it: what came before passes, the upstream’s words do not', () => {
    const seen = whole(events(chunk('a'), '{"error":{"message":"vendor words"}}', chunk('b'), '[DONE]'))

    expect(seen).toMatchObject({ forwarded: events(chunk('a')), terminal: null, fault: 'error_event' })
  })

  test.each([
    ['half JSON', '{"id":'],
    ['HTML', '<html>'],
    ['a list', '[1]'],
    ['a number', '5'],
    ['nothing', ''],
  ])('%s in an event stops it', (_name, data) => {
    expect(whole(events(chunk('a'), data, chunk('b')))).toMatchObject({
      forwarded: events(chunk('a')),
      terminal: null,
      fault: 'malformed',
    })
  })

  test.each([
    ['before any event', ''],
    ['between two events', events(chunk('a'))],
    ['inside an event', `${events(chunk('a'))}data: ${chunk('b')}`],
    ['inside the last event', `${events(chunk('a'))}data: [DON`],
    ['right after a finish reason', events(chunk('a'), STOP)],
  ])('cut %s, it has no last event and no half event is passed on', (_name, text) => {
    const seen = whole(text)

    expect(seen.terminal).toBeNull()
    expect(text.startsWith(seen.forwarded)).toBe(true)
    expect(seen.forwarded === '' || seen.forwarded.endsWith('\n\n')).toBe(true)
  })

  test('an event that never ends is refused at 16 MiB, not held', () => {
    const tap = new StreamTap('chat', false)
    const piece = Buffer.alloc(1024 ** 2, 'x')

    for (let sent = 0; sent < 17 && tap.fault === null; sent += 1) tap.push(piece)

    expect(tap.fault).toMatchObject({ kind: 'malformed' })
    expect(tap.push(Buffer.from('\n\ndata: [DONE]\n\n'))).toBeNull()
    expect(tap.terminal).toBeNull()
  })

  test('an event of one megabyte passes', () => {
    const big = events(chunk('x'.repeat(1_000_000)))

    expect(whole(`${big}data: [DONE]\n\n`).forwarded).toBe(big)
  })
})

describe('wherever the bytes are cut', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => `data: ${chunk(text)}`),
    fc.constantFrom(
      `data: ${STOP}`,
      `data: ${USAGE}`,
      ': ping',
      'event: x',
      'data: broken',
      'data: {"error":{}}',
      'data: [DONE]',
    ),
    fc.constantFrom(`event: delta\ndata: {"choices":\ndata: []}`),
  )
  const sizes = fc.infiniteStream(fc.integer({ min: 1, max: 40 }))

  test.each(Object.entries(LINE_ENDS))(
    'the client gets the same bytes and the log the same facts, with %s',
    (_name, end) => {
      fc.assert(
        fc.property(
          fc.array(piece, { maxLength: 12 }),
          fc.boolean(),
          fc.boolean(),
          sizes,
          (pieces, strip, done, widths) => {
            const all = [...pieces, ...(done ? ['data: [DONE]'] : [])]
            const text = all
              .map((one) => `${one}\n\n`)
              .join('')
              .replaceAll('\n', end)
            const bytes = Buffer.from(text)
            const cuts: Buffer[] = []
            for (let at = 0; at < bytes.length; ) {
              const width = widths.next().value ?? 1
              cuts.push(bytes.subarray(at, at + width))
              at += width
            }

            expect(run(cuts, { strip })).toEqual(whole(text, { strip }))
          },
        ),
        { numRuns: 400 },
      )
    },
  )

  test('a comment behind a lone CR is none of the data, also where the event ends in LF', () => {
    const event = 'data: {"a":1}\r: c\n\n'

    const seen = whole(`${event}data: [DONE]\n\n`)

    expect(seen).toMatchObject({ fault: null, forwarded: event, terminal: 'data: [DONE]\n\n' })
  })

  test('line ends may be mixed', () => {
    const line = fc.tuple(
      fc.constantFrom('data: {"a":1}', ': c', '', 'data: [DONE]'),
      fc.constantFrom('\n', '\r\n', '\r'),
    )
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
        // A line that ends in CR and an empty one that ends in LF are one CRLF: the text decides, not the parts.
        const text = lines.flat().join('')

        expect(run(bytewise(text)).terminal === null).toBe(whole(text).terminal === null)
        expect(run(bytewise(text)).fault).toBe(whole(text).fault)
      }),
      { numRuns: 400 },
    )
  })
})

describe('the splitter', () => {
  test('loses and invents no byte', () => {
    const text = fc.array(fc.constantFrom('a', 'data: x', '\n', '\r', '\r\n', '\n\n', '\r\n\r\n'), {
      maxLength: 40,
    })
    fc.assert(
      fc.property(text, fc.infiniteStream(fc.integer({ min: 1, max: 7 })), (parts, widths) => {
        const bytes = Buffer.from(parts.join(''))
        const splitter = new EventSplitter(1000)
        const out: Buffer[] = []
        for (let at = 0; at < bytes.length; ) {
          const width = widths.next().value ?? 1
          const block = splitter.push(bytes.subarray(at, at + width))
          if (block !== null) {
            const spans = splitter.events(block)
            expect(spans[0]?.start).toBe(0)
            expect(spans.at(-1)?.end).toBe(block.length)
            out.push(block)
          }
          at += width
        }
        const rest = splitter.rest()

        expect(Buffer.concat(rest === null ? out : [...out, rest]).toString()).toBe(bytes.toString())
      }),
      { numRuns: 500 },
    )
  })
})
