import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { replaceValue, scanTopLevel } from '../../../src/lib/json-scan.ts'

const NO_LIMIT = 1_000

function scan(text: string, maxDepth = NO_LIMIT) {
  return scanTopLevel(Buffer.from(text), maxDepth)
}

/** The members by key, with the text of their values. */
function valuesOf(text: string): [string, string][] {
  const bytes = Buffer.from(text)
  return scanTopLevel(bytes, NO_LIMIT).entries.map(({ key, start, end }) => [
    key,
    bytes.subarray(start, end).toString(),
  ])
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Object.values(value).reduce((deepest: number, inner) => Math.max(deepest, depthOf(inner)), 0)
}

/** JSON text with any spacing and any escapes: what JSON.stringify never writes but clients may. */
function writtenOddly(value: unknown, spaces: string, escapeAll: boolean): string {
  if (typeof value === 'string') return escapeAll ? escapedFully(value) : JSON.stringify(value)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) {
    return `[${spaces}${value.map((inner) => writtenOddly(inner, spaces, escapeAll)).join(`${spaces},${spaces}`)}]`
  }
  const members = Object.entries(value).map(
    ([key, inner]) =>
      `${escapeAll ? escapedFully(key) : JSON.stringify(key)}${spaces}:${spaces}${writtenOddly(inner, spaces, escapeAll)}`,
  )
  return `{${spaces}${members.join(`${spaces},${spaces}`)}${spaces}}`
}

function escapedFully(text: string): string {
  const units = Array.from({ length: text.length }, (_unit, at) => text.charCodeAt(at))
  return `"${units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')}"`
}

describe('the top level of an object', () => {
  test('values are found by their bytes, in order and as they are written', () => {
    const text =
      ' { "model" : "m" ,\n"n":1e21,"big":12345678901234567890, "o":{"model":"x"},"l":[1,[2]],"t":true}\t'

    expect(valuesOf(text)).toEqual([
      ['model', '"m"'],
      ['n', '1e21'],
      ['big', '12345678901234567890'],
      ['o', '{"model":"x"}'],
      ['l', '[1,[2]]'],
      ['t', 'true'],
    ])
  })

  test('quotes, backslashes and brackets inside strings are text', () => {
    expect(valuesOf('{"a":"}\\"]{\\\\","b":"\\\\\\"","c\\"":{"}":"["}}')).toEqual([
      ['a', '"}\\"]{\\\\"'],
      ['b', '"\\\\\\""'],
      ['c"', '{"}":"["}'],
    ])
  })

  test('a long string may end in backslashes and hold escaped quotes anywhere', () => {
    for (let filler = 0; filler < 120; filler += 1) {
      const value = `${'x'.repeat(filler)}\\"${'y'.repeat(filler)}"\\`
      const text = JSON.stringify({ a: value, b: 1 })

      expect(valuesOf(text)).toEqual([
        ['a', JSON.stringify(value)],
        ['b', '1'],
      ])
    }
  })

  test('keys are given after unescaping, also beyond ASCII', () => {
    expect(valuesOf('{"mod\\u0065l":1,"ключ":2,"\\uD83D\\uDE00\\n\\/":3}').map(([key]) => key)).toEqual([
      'model',
      'ключ',
      '😀\n/',
    ])
  })

  test('a key that comes twice is named, whichever way it is written', () => {
    expect(scan('{"model":1,"mod\\u0065l":2}').duplicate).toBe('model')
    expect(scan('{"a":{"x":1},"b":{"x":1}}').duplicate).toBeNull()
    const many = Array.from({ length: 40 }, (_value, at) => `"k${at}":${at}`)
    expect(scan(`{${many.join(',')}}`).duplicate).toBeNull()
    expect(scan(`{${many.join(',')},"k3":0}`).duplicate).toBe('k3')
  })

  test('keys are right, and an escaped one is marked, also where the key cache of V8 is not', () => {
    // https://github.com/nodejs/node/issues/63785: the first key makes V8 misread the second.
    JSON.parse('{"mod\\\\u":1}')

    expect(scan('{"mod\\u0065l":1}')).toMatchObject({ entries: [{ key: 'model' }], escapedKey: true })
    expect(scan('{"model":"\\u0065","o":{"\\u0065":1}}').escapedKey).toBe(false)
  })

  test('a text that is not an object has no members, but a depth', () => {
    expect(scan('[[1],{"a":[]}]')).toEqual({ depth: 3, entries: [], duplicate: null, escapedKey: false })
    expect(scan('"{"')).toEqual({ depth: 0, entries: [], duplicate: null, escapedKey: false })
    expect(scan('')).toEqual({ depth: 0, entries: [], duplicate: null, escapedKey: false })
  })

  test('a depth bomb stops the scan one level past the limit', () => {
    const bomb = `{"a":${'['.repeat(1_000_000)}`

    expect(scan(bomb, 64).depth).toBe(65)
    expect(scan(`{"a":${'['.repeat(63)}${']'.repeat(63)}}`, 64).depth).toBe(64)
  })
})

describe('a replaced value', () => {
  test('changes nothing but itself', () => {
    const text = '{ "n":1e21, "model" : "route",\t"big":12345678901234567890,"z":0.10 }'
    const bytes = Buffer.from(text)
    const model = scanTopLevel(bytes, NO_LIMIT).entries.find(({ key }) => key === 'model')!

    const replaced = replaceValue(bytes, model, JSON.stringify('gpt-ü'))

    expect(replaced.toString()).toBe(text.replace('"route"', '"gpt-ü"'))
    expect(bytes.toString()).toBe(text)
  })
})

describe('for any JSON', () => {
  const spacing = fc.constantFrom('', ' ', '\n\t', ' \r\n ')

  /** Objects whose keys and texts are made of these characters. */
  function objectsOf(unit: fc.Arbitrary<string>) {
    const keys = fc.oneof(
      fc.string({ unit, maxLength: 12 }),
      fc.constantFrom('model', 'messages', '__proto__', '"'),
    )
    const values = fc.oneof(fc.jsonValue({ stringUnit: unit }), fc.string({ unit, maxLength: 200 }))
    return fc.dictionary(keys, values, { maxKeys: 20 })
  }

  const anyCharacter = fc.string({ unit: 'binary', minLength: 1, maxLength: 1 })
  const awkward = fc.constantFrom('"', '\\', '{', '}', '[', ']', ',', ':', '/')
  const objects = objectsOf(fc.oneof(anyCharacter, awkward))
  /** Without backslashes: after one in a key, V8 may misread another key (https://github.com/nodejs/node/issues/63785). */
  const parseable = objectsOf(fc.oneof(anyCharacter, awkward).filter((character) => character !== '\\'))

  test('keys and spans are exactly what was written', () => {
    fc.assert(
      fc.property(objects, spacing, fc.boolean(), (object, spaces, escapeAll) => {
        const text = spaces + writtenOddly(object, spaces, escapeAll) + spaces

        const written = Object.entries(object).map(([key, value]) => [
          key,
          writtenOddly(value, spaces, escapeAll),
        ])
        expect(valuesOf(text)).toEqual(written)
        expect(scan(text).depth).toBe(depthOf(object))
        expect(scan(text).duplicate).toBeNull()
      }),
      { numRuns: 500 },
    )
  })

  test('keys, values and depth are those of JSON.parse', () => {
    fc.assert(
      fc.property(parseable, spacing, fc.boolean(), (object, spaces, escapeAll) => {
        const text = writtenOddly(object, spaces, escapeAll)
        const parsed = JSON.parse(text)

        // An object puts keys that look like numbers first; the text does not.
        const read = Object.fromEntries(valuesOf(text).map(([key, value]) => [key, JSON.parse(value)]))
        expect(read).toEqual(parsed)
        expect(Object.keys(read)).toEqual(Object.keys(parsed))
        expect(scan(text).depth).toBe(depthOf(parsed))
      }),
      { numRuns: 300 },
    )
  })

  test('replacing any value is what JSON.parse sees, and the rest keeps its bytes', () => {
    fc.assert(
      fc.property(parseable, fc.string(), fc.nat(), spacing, (object, value, pick, spaces) => {
        const bytes = Buffer.from(writtenOddly(object, spaces, false))
        const { entries } = scanTopLevel(bytes, NO_LIMIT)
        const span = entries[pick % entries.length]
        fc.pre(span !== undefined)

        const replaced = replaceValue(bytes, span, JSON.stringify(value))

        const before = Object.entries(JSON.parse(bytes.toString()))
        expect(JSON.parse(replaced.toString())).toEqual(Object.fromEntries([...before, [span.key, value]]))
        expect(replaced.subarray(0, span.start).equals(bytes.subarray(0, span.start))).toBe(true)
        const tail = bytes.subarray(span.end)
        expect(replaced.subarray(replaced.length - tail.length).equals(tail)).toBe(true)
      }),
    )
  })

  test('a repeated key is always found, and no other', () => {
    const lists = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'model', 'é', '"'), fc.boolean()), {
      maxLength: 20,
    })
    fc.assert(
      fc.property(lists, (list) => {
        const text = `{${list.map(([key, hidden]) => `${hidden ? escapedFully(key) : JSON.stringify(key)}:0`).join(',')}}`
        const keysInOrder = list.map(([key]) => key)

        const first = keysInOrder.find((key, at) => keysInOrder.indexOf(key) < at) ?? null
        expect(scan(text).duplicate).toBe(first)
      }),
    )
  })

  test('bytes that are no JSON never throw, and every span lies inside them', () => {
    const nearJson = fc
      .array(fc.constantFrom('{', '}', '[', ']', '"', '\\', ',', ':', ' ', '1', 'a', '\\u00', 'é'), {
        maxLength: 80,
      })
      .map((pieces) => Buffer.from(`{"a":${pieces.join('')}`))
    const anything = fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes))
    fc.assert(
      fc.property(fc.oneof(nearJson, anything), fc.integer({ min: 1, max: 5 }), (bytes, maxDepth) => {
        const found = scanTopLevel(bytes, maxDepth)

        expect(found.depth).toBeLessThanOrEqual(maxDepth + 1)
        for (const { start, end } of found.entries) {
          expect(start).toBeLessThanOrEqual(end)
          expect(end).toBeLessThanOrEqual(bytes.length)
        }
      }),
      { numRuns: 1_000 },
    )
  })
})
