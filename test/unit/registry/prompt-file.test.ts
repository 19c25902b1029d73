import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { runChecks } from '../../../src/registry/prompts/checks.ts'
import { contentOfPrompt, parsePromptContent } from '../../../src/registry/prompts/prompt-content.ts'
import { isPromptName, readPromptFile } from '../../../src/registry/prompts/prompt-file.ts'
import { compilePrompt } from '../../../src/registry/prompts/render.ts'

const SHIPPED = readFileSync(
  fileURLToPath(new URL('../../../prompts/support-answer.yaml', import.meta.url)),
  'utf8',
)

function problemsOf(text: string, name = 'x'): readonly string[] {
  const file = readPromptFile(name, text)
  return 'problems' in file ? file.problems : []
}

function fileOf(text: string) {
  const file = readPromptFile('x', text)
  if ('problems' in file) throw new Error(file.problems.join('\n'))
  return file
}

/** One user message. */
const saying = (template: string, head = '') =>
  `${head}messages: [{ role: user, content: ${JSON.stringify(template)} }]`
const USER =
  'variables: { type: object, properties: { user: { type: object, properties: { name: { type: string } } }, tags: { type: array, items: { type: string } }, items: { type: array, items: { type: object, properties: { label: { type: string } } } } } }\n'

test('the prompt that ships has no mistakes and passes its own tests', () => {
  const { content, tests } = fileOf(SHIPPED)

  expect(tests.length).toBeGreaterThan(2)
  expect(runChecks(compilePrompt(content), tests).filter(({ passed }) => !passed)).toEqual([])
})

describe('a mistake in a file is a sentence with its path, what stands there and the fix', () => {
  test.each([
    ['an unknown key', 'mesages: []', '(top level): unknown key "mesages". Did you mean "messages"?'],
    ['no messages', 'description: x', 'messages: nothing where a list is expected.'],
    [
      'an unknown role',
      'messages: [{ role: usr, content: hi }]',
      'messages.0.role: text "usr" where one of "system", "developer", "user", "assistant" is expected.',
    ],
    [
      'a number as content',
      'messages: [{ role: user, content: 5 }]',
      'messages.0.content: number 5 where a text is expected.',
    ],
    [
      'a text as message',
      'messages: [hi]',
      'messages.0: text "hi" where a message {role, content}, or the text "{{messages}}" is expected.',
    ],
    [
      'a tag without quotes',
      'messages: [{ role: user, content: {{question}} }]',
      'messages.0.content: an object where a text is expected. Put quotes around what begins with {{.',
    ],
    [
      'an unknown part',
      'messages: [{ role: user, content: [{ type: txt, text: a }] }]',
      'messages.0.content.0.type: text "txt" where one of text, image_url is expected.',
    ],
    [
      'a second place for messages',
      'messages: ["{{messages}}", "{{messages}}"]',
      'messages.1: "{{messages}}" stands twice. Keep one.',
    ],
    [
      'messages inside a text',
      saying('{{messages}}'),
      `messages.0.content: the caller's messages are messages of their own. Write "{{messages}}" as an item of the list.`,
    ],
    [
      'a mistyped parameter',
      `${saying('a')}\nparameters: { temprature: 1 }`,
      'parameters: unknown key "temprature". Did you mean "temperature"?',
    ],
    [
      'a parameter out of range',
      `${saying('a')}\nparameters: { temperature: 3 }`,
      'parameters.temperature: number 3 where at most 2 is expected.',
    ],
    [
      'a test that expects nothing',
      `${saying('a')}\ntests: [{ renders: {} }]`,
      'tests.0.renders: an object where at least one of contains, equals, matches is expected.',
    ],
    [
      'a pattern with lookaround',
      `${saying('a')}\ntests: [{ renders: { matches: "(?=a)" } }]`,
      'tests.0.renders.matches: a text where a pattern in RE2 syntax, which has no lookaround',
    ],
    [
      'a key that stands twice',
      'messages: []\nmessages: []',
      'line 2: not valid YAML: Map keys must be unique.',
    ],
    [
      'a prototype',
      `${saying('a')}\n__proto__: { a: 1 }`,
      '(top level): the key "__proto__" is not allowed.',
    ],
    [
      'a prototype deep inside',
      `${saying('a')}\nparameters: { logit_bias: { __proto__: 1 } }`,
      'parameters.logit_bias: the key "__proto__" is not allowed.',
    ],
    [
      'a number that is none',
      `${saying('a')}\nparameters: { seed: .nan }`,
      'parameters.seed: NaN where a finite number is expected.',
    ],
    ['a NUL', 'messages: [{ role: user, content: "a\\0" }]', 'messages.0.content: holds a NUL character.'],
    [
      'half a character',
      'messages: [{ role: user, content: "\\ud800" }]',
      'messages.0.content: holds half a character.',
    ],
    [
      'variables that are no object',
      saying('a', 'variables: { type: string }\n'),
      'variables.type: variables are an object of names.',
    ],
    [
      'a mistyped keyword',
      saying('a', 'variables: { type: object, properties: { a: { minLenght: 3 } } }\n'),
      'variables.properties.a.minLenght: the keyword "minLenght" is not one that Aval checks. Did you mean "minLength"?',
    ],
    [
      'a mistyped type',
      saying('a', 'variables: { type: object, properties: { a: { type: strin } } }\n'),
      'variables.properties.a.type: text "strin" where one of string, number,',
    ],
    [
      'a default, which nothing would apply',
      saying('a', 'variables: { type: object, properties: { a: { default: 3 } } }\n'),
      'variables.properties.a.default: the keyword "default" is not one that Aval checks.',
    ],
    [
      'a required name that is not declared',
      saying('a', 'variables: { type: object, required: [b] }\n'),
      'variables.required: "b" does not stand under properties.',
    ],
    [
      'a name no tag can say',
      saying('a', 'variables: { type: object, properties: { "a b": {} } }\n'),
      'variables.properties.a b: not a name of a variable.',
    ],
    [
      'contexts of its own',
      saying('a', 'variables: { type: object, properties: { contexts: {} } }\n'),
      'variables.properties.contexts: "contexts" is always there.',
    ],
  ])('%s', (_, text, problem) => {
    expect(problemsOf(text)).toEqual(
      expect.arrayContaining([expect.stringContaining(`prompts/x.yaml: ${problem}`)]),
    )
  })

  test('all mistakes of a file are said at once', () => {
    const problems = problemsOf(
      saying(
        '{{qestion}} {{b}}',
        'variables: { type: object, required: [c], properties: { question: { tpye: string } } }\n',
      ),
    )

    expect(problems).toHaveLength(4)
  })
})

describe('a template', () => {
  test.each([
    ['a partial', 'a {{> secrets}}', 'the tag {{> secrets}} includes another template'],
    ['another delimiter', '{{=<% %>=}}', 'changes the delimiters'],
    ['a triple', '{{{user.name}}}', 'Write {{name}}: nothing is escaped.'],
    ['an ampersand', '{{& user.name}}', 'Write {{name}}: nothing is escaped.'],
    ['an open tag', 'a {{user', 'the tag {{ is not closed'],
    ['an open section', 'a\n\n{{#tags}}b', 'unclosed section "tags"'],
    ['a section closed by another name', '{{#tags}}b{{/user}}', 'unclosed section "tags"'],
    ['an end without a beginning', 'b{{/tags}}', 'unopened section "tags"'],
    ['an empty tag', '{{}}', 'has no name'],
    ['an expression', '{{ 7*7 }}', 'has no name'],
    ['a call', '{{user.name()}}', 'has no name'],
    [
      'an undeclared variable',
      '{{usr}}',
      'needs "usr", which variables does not declare. Did you mean "user"?',
    ],
    [
      'an undeclared member',
      '{{user.nme}}',
      'needs "nme", which variables does not declare. Did you mean "name"?',
    ],
    ['an undeclared name in a section', '{{#items}}{{lable}}{{/items}}', 'Did you mean "label"?'],
    ['an item outside of its section', '{{label}}', 'needs "label"'],
    [
      'a list reached into',
      '{{items.label}}',
      'reaches into a list. Write {{#items}}…{{/items}} around {{label}}.',
    ],
    ['an item where is no list', '{{.}}', 'stands for an item of a list, and here is none'],
    ['a constructor', '{{constructor}}', 'needs "constructor"'],
    ['a prototype', '{{user.__proto__}}', 'needs "__proto__"'],
    ['the length of a text', '{{user.name.length}}', 'needs "length"'],
  ])('with %s is refused, with its line', (_, template, problem) => {
    const [first, ...more] = problemsOf(saying(template, USER))

    expect(first).toMatch(/^prompts\/x\.yaml: messages\.0\.content: line \d: /)
    expect(first).toContain(problem)
    expect(more).toEqual([])
  })

  test.each([
    '{{user.name}}',
    '{{#user}}{{name}}{{/user}}',
    '{{#tags}}{{.}}{{/tags}}',
    '{{#items}}{{label}} {{user.name}}{{/items}}',
    '{{^items}}none{{/items}}',
    '{{#contexts}}[{{number}}] {{text}}{{/contexts}}',
    '{{! a remark }}',
    'f(x) = {x} } {',
  ])('%s is fine', (template) => {
    expect(problemsOf(saying(template, USER))).toEqual([])
  })

  test('says the line of a mistake far down', () => {
    expect(problemsOf(saying('a\nb\nc {{d}}'))[0]).toContain('line 3: the tag {{d}}')
  })
})

/** To read any of them by what it multiplies to would not end within the time that a test has. */
describe('a hostile file', () => {
  test.each([
    ['lists in lists', '['.repeat(250_000)],
    ['blocks in blocks', '- '.repeat(120_000)],
    ['objects in objects', '{a: '.repeat(60_000)],
    ['more keys than anyone writes', Array.from({ length: 25_000 }, (_, at) => `k${at}: 1`).join('\n')],
    [
      'aliases of aliases',
      `a0: &a0 [x]\n${Array.from({ length: 30 }, (_, at) => `a${at + 1}: &a${at + 1} [*a${at}, *a${at}, *a${at}]`).join('\n')}`,
    ],
    ['a tag that never ends', `messages: [{ role: user, content: "{{${' '.repeat(200_000)}a}}" }]`],
    ['sections in sections', saying(`${'{{#contexts}}'.repeat(15_000)}${'{{/contexts}}'.repeat(15_000)}`)],
    ['aliases of a long list', `x: &x [${'a, '.repeat(60_000)}]\ny: [${'*x, '.repeat(90)}]`],
    ['too many bytes', `description: ${'x'.repeat(256 * 1024)}`],
  ])('of %s is refused', (_, text) => {
    expect(problemsOf(text).length).toBeGreaterThan(0)
  })

  test('of aliases that write a long text out many times is refused', () => {
    const text = `description: &d ${'x'.repeat(2000)}\nvariables: { type: object, $comment: &c "${'y'.repeat(100_000)}" }\ntools:\n${'  - { type: function, function: { name: a, description: *c } }\n'.repeat(20)}${saying('a')}`

    expect(problemsOf(text)[0]).toContain('with its aliases more than')
  })

  test.each([
    '../evil',
    '..',
    '',
    'a/b',
    'A',
    'a.yaml',
    'a_b',
    '-a',
    'a-',
    'é',
    'a\0',
    `${'a'.repeat(64)}`,
    'a\n',
  ])('name %j is refused', (name) => {
    expect(isPromptName(name)).toBe(false)
    expect(problemsOf(saying('a'), name)[0]).toMatch(/is not one\. Write lower-case letters/)
  })

  test('whatever it holds: a file becomes a prompt or sentences, never an exception', () => {
    const yamlish = fc.array(
      fc.constantFrom(
        'messages:',
        ' ',
        '\n',
        '- ',
        '{',
        '}',
        '[',
        ']',
        '{{',
        '}}',
        '#',
        '^',
        '/',
        'a',
        ':',
        '"',
        "'",
        '&a',
        '*a',
        '!!set',
        'role: user',
        'content: ',
        '|',
        '>',
        'variables:',
        '__proto__',
        '?',
        ',',
        '\t',
        '\u0000',
        '---',
      ),
      { maxLength: 40 },
    )
    fc.assert(
      fc.property(
        fc.oneof(
          yamlish.map((parts) => parts.join('')),
          fc.string(),
        ),
        (text) => {
          const file = readPromptFile('x', text)
          if ('problems' in file) expect(file.problems.length).toBeGreaterThan(0)
        },
      ),
      { numRuns: 500 },
    )
  })
})

describe('what a version is', () => {
  test('tests and the order and look of the file change no hash; every other member does', () => {
    const hash = (text: string) => contentOfPrompt(fileOf(text).content).hash
    const plain = hash('description: d\nmessages: [{ role: user, content: a }]')

    expect(hash('messages:\n  - content: a\n    role: user\ndescription: "d"\n# a remark')).toBe(plain)
    expect(
      hash('description: d\nmessages: [{ role: user, content: a }]\ntests: [{ renders: { equals: a } }]'),
    ).toBe(plain)
    for (const other of [
      'description: e',
      'description: d\nowner: o',
      'description: d\nparameters: { seed: 1 }',
      'description: d\nresponse_format: { type: text }',
    ]) {
      expect(hash(`${other}\nmessages: [{ role: user, content: a }]`)).not.toBe(plain)
    }
  })

  test('is read back from its stored text as it was', () => {
    const { content } = fileOf(`${SHIPPED}\nresponse_format: { type: json_object }\n`)

    expect(parsePromptContent(contentOfPrompt(content).text)).toEqual(content)
  })
})
