import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RequestError } from '../../../src/errors.ts'
import type { JsonObject } from '../../../src/lib/json.ts'
import { runChecks } from '../../../src/registry/prompts/checks.ts'
import { diffPrompts } from '../../../src/registry/prompts/diff.ts'
import type { PromptContent } from '../../../src/registry/prompts/prompt-content.ts'
import { promptText } from '../../../src/registry/prompts/prompt-text.ts'
import { compilePrompt, joinedText } from '../../../src/registry/prompts/render.ts'

function prompt(template: string, properties: JsonObject = {}, more: JsonObject = {}): PromptContent {
  return {
    variables: { type: 'object', properties, ...more },
    messages: [{ role: 'user', content: template }],
  }
}
const question = { question: { type: 'string' } }

function render(content: PromptContent, variables: JsonObject, more = {}): string {
  return joinedText(compilePrompt(content).render(variables, more))
}

function errorOf(content: PromptContent, variables: JsonObject, more = {}): RequestError {
  try {
    render(content, variables, more)
  } catch (error) {
    if (error instanceof RequestError) return error
    throw error
  }
  throw new Error('It rendered.')
}

describe('what a caller sends is data', () => {
  test.each([
    '{{question}}',
    '{{{question}}}',
    '{{#contexts}}{{text}}{{/contexts}}',
    '{{> x}}',
    '{{=<% %>=}}<% question %>',
    '{{constructor.constructor("return process")()}}',
    '\u0024{7*7}',
    '<%= 7*7 %>',
    '{% for x in y %}',
    '#{7*7}',
    '{{7*7}}',
    '<script>&amp;"\'`</script>',
    '\u0000\u202e',
  ])('%j is rendered as it is', (payload) => {
    const text = render(
      prompt('Q: {{question}}', question),
      { question: payload },
      {
        contexts: [{ number: 1, text: 'secret' }],
      },
    )

    expect(text).toBe(`Q: ${payload}`)
  })

  test('any text comes out as it went in, wherever it stands', () => {
    const content = prompt('<{{question}}|{{#contexts}}{{text}}{{/contexts}}>', question)
    const compiled = compilePrompt(content)
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (asked, found) => {
        const text = joinedText(
          compiled.render({ question: asked }, { contexts: [{ number: 1, text: found }] }),
        )
        expect(text).toBe(`<${asked}|${found}>`)
      }),
    )
  })

  test('names of prototypes and functions print nothing and call nothing', () => {
    const names = ['toString', 'constructor', 'valueOf', 'hasOwnProperty']
    const content = prompt(names.map((name) => `[{{${name}}}{{#${name}}}x{{/${name}}}]`).join(''))

    expect(render(content, {})).toBe('[][][][]')
    const called = prompt('{{f}}{{#f}}x{{/f}}', { f: {} })
    expect(render(called, { f: (() => 'called') as never })).toBe('')
  })
})

describe('values print', () => {
  test.each([
    ['a number', 5, '5'],
    ['zero', 0, '0'],
    ['false', false, 'false'],
    ['null', null, ''],
    ['a list', [1, 'a'], '[1,"a"]'],
    ['an object', { a: { b: 1 } }, '{"a":{"b":1}}'],
  ])('%s', (_, value, text) => {
    expect(render(prompt('{{value}}', { value: {} }), { value: value as never })).toBe(text)
  })

  test('in sections: lists, members, outer names, and what to say when there is none', () => {
    const properties = {
      items: { type: 'array', items: { type: 'object', properties: { label: { type: 'string' } } } },
      shop: { type: 'object', properties: { name: { type: 'string' } } },
    }
    const content = prompt(
      '{{#items}}{{label}} of {{shop.name}};{{/items}}{{^items}}nothing{{/items}}',
      properties,
    )

    expect(render(content, { items: [{ label: 'a' }, { label: 'b' }], shop: { name: 'S' } })).toBe(
      'a of S;b of S;',
    )
    expect(render(content, { items: [] })).toBe('nothing')
    expect(
      render(
        prompt('{{#contexts}}[{{number}}] {{text}}\n{{/contexts}}'),
        {},
        {
          contexts: [
            { number: 1, text: 'x' },
            { number: 2, text: 'y' },
          ],
        },
      ),
    ).toBe('[1] x\n[2] y\n')
  })

  test('in parts: texts and the addresses of images', () => {
    const compiled = compilePrompt({
      variables: { type: 'object', properties: { url: { type: 'string' } } },
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'See {{url}}' },
            { type: 'image_url', image_url: { url: '{{url}}', detail: 'low' } },
          ],
        },
      ],
    })

    expect(compiled.render({ url: 'https://a/b?c=d&e' })).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'See https://a/b?c=d&e' },
          { type: 'image_url', image_url: { url: 'https://a/b?c=d&e', detail: 'low' } },
        ],
      },
    ])
  })
})

describe('the caller’s own messages', () => {
  const own = [
    { role: 'user', content: '{{question}}' },
    { role: 'assistant', tool_calls: [{ id: '1' }] },
  ]

  test('take their place as they are', () => {
    const compiled = compilePrompt({
      messages: [{ role: 'system', content: 'Be brief.' }, '{{messages}}', { role: 'user', content: 'Go.' }],
    })

    expect(compiled.takesMessages).toBe(true)
    expect(compiled.render({}, { messages: own })).toEqual([
      { role: 'system', content: 'Be brief.' },
      ...own,
      { role: 'user', content: 'Go.' },
    ])
    expect(compiled.render({})).toHaveLength(2)
  })

  test('are refused where they have no place, never dropped', () => {
    expect(errorOf(prompt('a'), {}, { messages: own })).toMatchObject({
      code: 'invalid_value',
      param: 'messages',
    })
  })
})

describe('a wrong variable is refused with its pointer, its kind and the remedy', () => {
  const schema = {
    question: { type: 'string', minLength: 2, maxLength: 5, pattern: '^[a-z]*$' },
    count: { type: 'integer', minimum: 1, exclusiveMaximum: 10 },
    kind: { enum: ['a', 'b'] },
    exact: { const: { a: 1 } },
    list: {
      type: 'array',
      minItems: 1,
      maxItems: 2,
      items: {
        type: 'object',
        required: ['id'],
        properties: { id: { type: 'string' } },
        additionalProperties: false,
      },
    },
    maybe: { type: ['string', 'null'] },
    'a-b': { type: 'object', additionalProperties: { type: 'number' } },
  }
  test.each([
    ['missing', {}, '/question', '/question is missing. Send a text.'],
    ['mistyped', { question: 'abc', qestion: 'x' }, '/qestion', 'Did you mean "question"?'],
    ['of another kind', { question: 5 }, '/question', '/question is number 5. Send a text.'],
    ['null', { question: null }, '/question', '/question is null. Send a text.'],
    ['too short', { question: 'a' }, '/question', 'is a text of 1 character. Send at least 2 characters.'],
    [
      'too long',
      { question: 'abcdef' },
      '/question',
      'is a text of 6 characters. Send at most 5 characters.',
    ],
    ['of another pattern', { question: 'ABC' }, '/question', 'Send a text that matches ^[a-z]*$.'],
    ['a fraction', { question: 'abc', count: 1.5 }, '/count', '/count is number 1.5. Send a whole number.'],
    ['too small', { question: 'abc', count: 0 }, '/count', '/count is number 0. Send at least 1.'],
    ['too large', { question: 'abc', count: 10 }, '/count', 'Send less than 10.'],
    ['of no choice', { question: 'abc', kind: 'c' }, '/kind', 'Send one of "a", "b".'],
    ['not the constant', { question: 'abc', exact: { a: 2 } }, '/exact', 'Send {"a":1}.'],
    ['an empty list', { question: 'abc', list: [] }, '/list', 'is a list of 0 items. Send at least 1 item.'],
    [
      'deep inside a list',
      { question: 'abc', list: [{ id: 'x' }, {}] },
      '/list/1/id',
      '/list/1/id is missing. Send a text.',
    ],
    [
      'an extra member',
      { question: 'abc', list: [{ id: 'x', ix: 1 }] },
      '/list/0/ix',
      '/list/0/ix is not declared.',
    ],
    ['neither kind', { question: 'abc', maybe: 1 }, '/maybe', 'Send a text or null.'],
    [
      'another kind under any name',
      { question: 'abc', 'a-b': { 'x/y~z': 'no' } },
      '/a-b/x~1y~0z',
      'Send a number.',
    ],
    [
      'contexts among the variables',
      { question: 'abc', contexts: [] },
      '/contexts',
      'Send contexts beside the variables.',
    ],
  ])('%s', (_, variables, pointer, message) => {
    const error = errorOf(prompt('{{question}}', schema, { required: ['question'] }), variables as JsonObject)

    expect(error).toMatchObject({ code: 'invalid_variables', status: 422, param: pointer })
    expect(error.message).toContain(message)
  })

  test('and never shows a text: it is somebody’s data', () => {
    expect(errorOf(prompt('a', schema), { count: 'my secret' }).message).not.toContain('secret')
  })

  test('a letter is a letter, however many units it takes', () => {
    expect(render(prompt('{{q}}', { q: { maxLength: 2 } }), { q: '😀😀' })).toBe('😀😀')
  })

  test('contexts have a number and a text', () => {
    expect(errorOf(prompt('a'), {}, { contexts: [{ number: 1 }] })).toMatchObject({
      param: '/contexts/0/text',
    })
    expect(errorOf(prompt('a'), {}, { contexts: ['x'] })).toMatchObject({ param: '/contexts/0' })
  })
})

describe('bounds', () => {
  const lists = { a: { type: 'array' }, b: { type: 'array' }, c: { type: 'array' } }

  test('lists in lists do not multiply without end, also where they print nothing', () => {
    // Their product is a thousand million turns, which would not end within the time of a test.
    const long = Array.from({ length: 1000 }, () => 1)

    const error = errorOf(prompt('{{#a}}{{#b}}{{#c}}{{/c}}{{/b}}{{/a}}', lists), {
      a: long,
      b: long,
      c: long,
    })

    expect(error).toMatchObject({ code: 'invalid_variables', param: null })
  })

  test('a prompt of more than a million characters is refused', () => {
    const text = 'x'.repeat(2000)

    expect(
      render(prompt('{{#a}}{{.}}{{/a}}', lists), { a: Array.from({ length: 500 }, () => text) }),
    ).toHaveLength(1_000_000)
    expect(
      errorOf(prompt('{{#a}}{{.}}{{/a}}', lists), { a: Array.from({ length: 501 }, () => text) }).message,
    ).toContain('1000000 characters')
  })

  test('a value that is nested without end is refused', () => {
    let value: JsonObject = {}
    for (let depth = 0; depth < 50_000; depth += 1) value = { value }

    expect(errorOf(prompt('{{value}}', { value: {} }), { value })).toMatchObject({
      code: 'invalid_variables',
      param: expect.stringMatching(/^\/value/),
    })
  })
})

describe('checks of a prompt', () => {
  const compiled = compilePrompt(prompt('Hello {{question}}', question))

  test('say what was expected, and what came', () => {
    const results = runChecks(compiled, [
      {
        variables: { question: 'a' },
        contexts: [],
        renders: { contains: 'Hello a', equals: 'Hello a\n', matches: '^Hello .$' },
      },
      {
        variables: { question: 'a' },
        contexts: [],
        renders: { contains: 'bye', equals: 'Hello', matches: 'b+' },
      },
      { variables: { question: 5 }, contexts: [], renders: { contains: 'a' } },
    ])

    expect(results).toEqual([
      { position: 1, passed: true, problem: null, missed: [], rendered: 'Hello a' },
      {
        position: 2,
        passed: false,
        problem: null,
        missed: [
          { kind: 'contains', expected: 'bye' },
          { kind: 'equals', expected: 'Hello' },
          { kind: 'matches', expected: 'b+' },
        ],
        rendered: 'Hello a',
      },
      {
        position: 3,
        passed: false,
        problem: '/question is number 5. Send a text.',
        missed: [],
        rendered: null,
      },
    ])
  })

  test('of a file together take no more than one prompt may', () => {
    const long = { variables: { question: 'x'.repeat(400_000) }, contexts: [], renders: { contains: 'x' } }

    const results = runChecks(compiled, [long, long, long, { ...long, variables: { question: 'x' } }])

    expect(results.map(({ passed }) => passed)).toEqual([true, true, false, false])
    expect(results[2]?.problem).toContain('1000000 characters')
  })

  test('come to an end for a pattern that would take RegExp for ever', () => {
    const results = runChecks(compiled, [
      { variables: { question: `${'a'.repeat(5000)}!` }, contexts: [], renders: { matches: '(a+)+$' } },
    ])

    expect(results).toHaveLength(1)
  })
})

describe('the difference of two prompts', () => {
  test('is told word by word', () => {
    const parts = diffPrompts(prompt('Answer only from the sources.'), prompt('Answer from the passages.'))

    expect(parts.filter(({ kind }) => kind !== 'same')).toEqual([
      { kind: 'removed', text: 'only ' },
      { kind: 'removed', text: 'sources' },
      { kind: 'added', text: 'passages' },
    ])
  })

  test('gives both texts back, whatever they are', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (one, other) => {
        const [from, to] = [prompt(one), prompt(other)]
        const parts = diffPrompts(from, to)
        const without = (kind: string) =>
          parts
            .filter((part) => part.kind !== kind)
            .map(({ text }) => text)
            .join('')
        expect([without('added'), without('removed')]).toEqual([promptText(from), promptText(to)])
      }),
    )
  })

  test('of long texts that share too little is told by lines: by words it would take for ever', () => {
    const words = (step: number) =>
      Array.from({ length: 30_000 }, (_, at) => `w${(at * step) % 7919}`).join(' ')

    const parts = diffPrompts(prompt(words(3)), prompt(words(5)))

    expect(parts.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['removed', 'added']))
    expect(parts.filter(({ kind, text }) => kind === 'same' && /w\d/.test(text))).toEqual([])
  })
})
