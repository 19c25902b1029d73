/** The SSE parser against the stream grammar of WHATWG HTML §9.2, and against every way of cutting bytes apart. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeSse, type SseEvent, SseParser } from '../../../src/lib/sse.ts'

function parse(text: string | Buffer, chunkBytes = Number.MAX_SAFE_INTEGER): SseEvent[] {
  const parser = new SseParser(10_000_000)
  const bytes = Buffer.from(text)
  const events: SseEvent[] = []
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    events.push(...parser.push(bytes.subarray(at, at + chunkBytes)))
  }
  return events
}

const message = (data: string): SseEvent => ({ event: 'message', data })

describe('lines and fields', () => {
  test.each([
    ['LF', 'data: a\n\ndata: b\n\n'],
    ['CRLF', 'data: a\r\n\r\ndata: b\r\n\r\n'],
    ['CR', 'data: a\r\rdata: b\r\r'],
    ['a mixture', 'data: a\r\n\ndata: b\n\r'],
  ])('lines may end in %s', (_name, text) => {
    expect(parse(text)).toEqual([message('a'), message('b')])
  })

  test.each([
    ['a byte order mark at the start is skipped', '\uFEFFdata: a\n\n', [message('a')]],
    ['a byte order mark later is content', 'data: \uFEFFa\n\n', [message('\uFEFFa')]],
    ['the space after the colon may be missing', 'data:a\n\n', [message('a')]],
    ['only one space after the colon is dropped', 'data:  a\n\n', [message(' a')]],
    ['several data lines are joined by a line feed', 'data: a\ndata: b\n\n', [message('a\nb')]],
    ['a data line without a colon is an empty line', 'data\n\n', [message('')]],
    ['comments are skipped', ': hello\n\n:\n\ndata: a\n: there\n\n', [message('a')]],
    ['an event line names the event', 'event: ping\ndata: a\n\n', [{ event: 'ping', data: 'a' }]],
    [
      'the name lasts for one event',
      'event: x\ndata: a\n\ndata: b\n\n',
      [{ event: 'x', data: 'a' }, message('b')],
    ],
    ['an event without data is none', 'event: x\n\ndata: a\n\n', [message('a')]],
    ['id, retry and unknown fields are skipped', 'id: 1\nretry: 5\nfoo: b\ndata: a\n\n', [message('a')]],
    ['a colon inside the data stays', 'data: {"a":1}\n\n', [message('{"a":1}')]],
    [
      'a CRLF ends one line, not two',
      'event: x\r\ndata: a\r\ndata: b\r\n\r\n',
      [{ event: 'x', data: 'a\nb' }],
    ],
    ['an unfinished event is not reported', 'data: a\n\ndata: b\n', [message('a')]],
  ])('%s', (_name, text, events) => {
    expect(parse(text)).toEqual(events)
    expect(parse(text, 1)).toEqual(events)
  })

  test('characters of several bytes may be cut anywhere', () => {
    const text = 'data: snow ☃, flag 🇵🇹, 漢字\n\n'

    for (let bytes = 1; bytes < 12; bytes += 1) expect(parse(text, bytes)).toEqual(parse(text))
  })
})

describe('any cut gives the same events', () => {
  const line = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => `data: ${text.replaceAll(/[\r\n]/g, '')}`),
    fc.constantFrom('data', 'data:', ': comment', 'event: delta', 'event:', 'id: 7', '', '', 'x'),
  )
  const stream = fc
    .array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r')), { maxLength: 30 })
    .map((lines) => lines.map(([text, ending]) => text + ending).join(''))

  test('wherever the network splits the bytes', () => {
    fc.assert(
      fc.property(stream, fc.infiniteStream(fc.integer({ min: 1, max: 9 })), (text, sizes) => {
        const bytes = Buffer.from(text)
        const parser = new SseParser(1_000_000)
        const events: SseEvent[] = []
        for (let at = 0; at < bytes.length; ) {
          const size = sizes.next().value ?? 1
          events.push(...parser.push(bytes.subarray(at, at + size)))
          at += size
        }

        expect(events).toEqual(parse(text.replaceAll(/\r\n?/g, '\n')))
      }),
    )
  })

  test('and what was encoded is what comes out', () => {
    fc.assert(
      fc.property(fc.array(fc.json()), (values) => {
        const bytes = Buffer.concat(values.map((value) => encodeSse(value, 'x')))

        expect(parse(bytes, 7)).toEqual(values.map((data) => ({ event: 'x', data })))
      }),
    )
  })
})

describe('bounds', () => {
  test('an event of one megabyte passes, whole and in single bytes', () => {
    const text = `data: ${'é'.repeat(500_000)}\n\n`

    expect(parse(text)[0]?.data.length).toBe(500_000)
    expect(parse(text, 1)[0]?.data.length).toBe(500_000)
  })

  test.each([
    ['one endless line', `data: ${'x'.repeat(200)}`],
    ['a whole line that is too long', `data: ${'x'.repeat(200)}\n\n`],
    ['many lines of one event', 'data: xxxxxxxx\n'.repeat(20)],
    ['many empty lines of one event', 'data:\n'.repeat(40)],
    ['bytes count, not characters', `data: ${'漢'.repeat(40)}\n\n`],
  ])('an event beyond the bound throws: %s', (_name, text) => {
    const parser = new SseParser(100)

    expect(() => parser.push(Buffer.from(text))).toThrow(RangeError)
  })

  test('the bound is for one event, not for the stream', () => {
    const parser = new SseParser(100)

    expect(parser.push(Buffer.from('data: xxxxxxxxxx\n\n'.repeat(100)))).toHaveLength(100)
  })

  test.each([
    ['nothing', '', false],
    ['a finished event', 'data: a\n\n', false],
    ['half a line', 'data: a\n\nda', true],
    ['an event without its empty line', 'data: a\n', true],
    ['a name without data', 'event: a\n', true],
  ])('after %s, pending says whether an event was cut', (_name, text, pending) => {
    const parser = new SseParser(100)

    parser.push(Buffer.from(text))

    expect(parser.pending).toBe(pending)
  })

  test('a chunk may be reused by its owner once it was pushed', () => {
    const parser = new SseParser(100)
    const chunk = Buffer.from('data: ab')

    parser.push(chunk)
    chunk.fill(0)

    expect(parser.push(Buffer.from('c\n\n'))).toEqual([message('abc')])
  })
})
