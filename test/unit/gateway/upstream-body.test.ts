/** What goes upstream is what the client sent, but for the model's name and our wish for usage. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseBody } from '../../../src/gateway/request.ts'
import { upstreamBody } from '../../../src/gateway/upstream-body.ts'

const parse = (text: string) => parseBody('responses', Buffer.from(text))
const sent = (text: string, model: string, askUsage: boolean) =>
  upstreamBody(parse(text), model, askUsage).toString()

describe('the bytes', () => {
  test('are the very same buffer when nothing has to change', () => {
    const body = parse('{"model":"m"}')

    expect(upstreamBody(body, 'm', false)).toBe(body.bytes)
  })

  test.each([
    ['a model in front', '{ "model" : "r1" ,"x":1.0}', '{ "model" : "up" ,"x":1.0}'],
    [
      'a model at the end',
      '{"x":12345678901234567890,"model":"r1"}',
      '{"x":12345678901234567890,"model":"up"}',
    ],
    ['an escaped key', '{"mod\\u0065l":"r1","a":"\\u0041"}', '{"mod\\u0065l":"up","a":"\\u0041"}'],
    [
      'a model inside another member',
      '{"x":{"model":"r1"},"model":"r1"}',
      '{"x":{"model":"r1"},"model":"up"}',
    ],
  ])('change in the value only: %s', (_name, from, to) => {
    expect(sent(from, 'up', false)).toBe(to)
  })

  test('take the usage wish as a new member, right behind the brace', () => {
    expect(sent(' {"model":"m","stream":true}', 'm', true)).toBe(
      ' {"stream_options":{"include_usage":true},"model":"m","stream":true}',
    )
  })

  test.each([
    ['null', '{"stream_options":null,"model":"m"}', { include_usage: true }],
    ['false', '{"stream_options":{"include_usage":false},"model":"m"}', { include_usage: true }],
    ['others', '{"stream_options":{"a":1},"model":"m"}', { a: 1, include_usage: true }],
  ])('take the usage wish into stream options that are there: %s', (_name, from, options) => {
    expect(JSON.parse(sent(from, 'm', true))).toEqual({ stream_options: options, model: 'm' })
  })

  test('a model name that needs escaping stays one value', () => {
    const model = 'a"},{"b\\\n\u{1F1F5}'

    expect(JSON.parse(sent('{"model":"m"}', model, false))).toEqual({ model })
  })
})

describe('for any body', () => {
  const space = fc.constantFrom('', ' ', '\n', '\t ')
  const key = fc.oneof(fc.string(), fc.constantFrom('a', '{', '"model"', '\u{1F600}'))
  const members = fc.uniqueArray(
    fc.tuple(key, fc.oneof(fc.json(), fc.constantFrom('1.0', '1e3', '12345678901234567890'))),
    {
      selector: ([name]) => name,
      maxLength: 8,
    },
  )
  const options = fc.constantFrom(null, 'null', '{}', '{"include_usage":false}', '{ "x" : [1.50] }')

  test('the result is the original with the model and the wish set, and no byte between the edits differs', () => {
    fc.assert(
      fc.property(
        members,
        fc.nat(),
        options,
        fc.string({ minLength: 1 }),
        fc.boolean(),
        space,
        (others, at, wish, model, ask, gap) => {
          const list = others
            // The prefix keeps them apart from the fields whose type is checked.
            .map(([name, json]) => [JSON.stringify(`x${name}`), json])
          list.splice(at % (list.length + 1), 0, ['"model"', '"from"'])
          if (wish !== null) list.splice(at % list.length, 0, ['"stream_options"', wish])
          const text = `${gap}{${gap}${list.map((pair) => pair.join(`${gap}:${gap}`)).join(`${gap},${gap}`)}${gap}}${gap}`
          const before = JSON.parse(text) as Record<string, unknown>
          const result = sent(text, model, ask)

          const given = (before.stream_options ?? {}) as object
          expect(JSON.parse(result)).toEqual({
            ...before,
            model,
            ...(ask ? { stream_options: { ...given, include_usage: true } } : {}),
          })
          // Undo the edits by text: what remains is the original, byte for byte.
          let undone = result.replace(
            `"model"${gap}:${gap}${JSON.stringify(model)}`,
            () => `"model"${gap}:${gap}"from"`,
          )
          const wished = JSON.stringify({ ...given, include_usage: true })
          if (ask && wish !== null)
            undone = undone.replace(
              `"stream_options"${gap}:${gap}${wished}`,
              () => `"stream_options"${gap}:${gap}${wish}`,
            )
          if (ask && wish === null) undone = undone.replace(`"stream_options":${wished},`, '')
          expect(undone).toBe(text)
        },
      ),
      { numRuns: 1000 },
    )
  })
})
