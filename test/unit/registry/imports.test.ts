/** Files of other products become files that `aval prompt check` takes; what is lost is said. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Imported, toFiles } from '../../../src/registry/prompts/imports/draft.ts'
import { importedName } from '../../../src/registry/prompts/imports/imported-name.ts'
import { importLangfuseExport } from '../../../src/registry/prompts/imports/langfuse-export.ts'
import { importOpenaiEvals } from '../../../src/registry/prompts/imports/openai-evals.ts'
import { importPromptfoo } from '../../../src/registry/prompts/imports/promptfoo.ts'
import { type PromptFile, readPromptFile } from '../../../src/registry/prompts/prompt-file.ts'
import { compilePrompt } from '../../../src/registry/prompts/render.ts'

function imported(made: Imported | { problems: readonly string[] }) {
  if ('problems' in made) throw new Error(made.problems.join('\n'))
  const files: Record<string, PromptFile['content']> = {}
  for (const { name, text } of made.prompts) {
    const file = readPromptFile(name, text)
    if ('problems' in file) throw new Error(file.problems.join('\n'))
    files[name] = file.content
  }
  const leftOut = made.leftOut.map(({ what, count, reason }) => `${what} (${count}): ${reason}`)
  return { files, leftOut, lost: made.leftOut.filter(({ kind }) => kind === 'prompt').length }
}

function lastText({ messages }: PromptFile['content']): string {
  const last = messages.at(-1)
  if (typeof last !== 'object' || typeof last.content !== 'string') throw new Error('No text.')
  return last.content
}

const texts = (...names: string[]) => ({
  type: 'object',
  required: names,
  properties: Object.fromEntries(names.map((name) => [name, { type: 'string' }])),
})

describe('promptfoo', () => {
  const files: Record<string, string> = {
    'prompts/support.json':
      '[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "{{ question }}"}]',
    'prompts/dumped.json': '[{"role": "user", "content": {{ question | dump }}}]',
    'prompts/chat.yaml':
      '- role: system\n  content: Be kind.\n- role: user\n  content: "{{user.name}}: {{q}}"\n',
    'two.txt': 'First {{a}}\n---\nSecond {{b}}\n',
    'loop.txt': '{% for one in list %}{{ one }}{% endfor %}',
  }
  const readBeside = (path: string) => {
    const text = files[path]
    return text === undefined ? { why: `no ${path}` } : { text }
  }
  const from = (text: string) => imported(importPromptfoo(text, { name: 'my-evals', readBeside }))

  test('texts, chats and files become prompts, each with its variables', () => {
    const { files: made, leftOut } = from(`
description: Support answers
prompts:
  - "Answer {{ question }} in {{language}}.{# to do: shorter #}"
  - file://prompts/support.json
  - file://prompts/dumped.json
  - prompts/chat.yaml
  - file://two.txt
  - { label: "Très poli", raw: "Please: {{question}}", config: { temperature: 0.1, apiKey: x } }
`)

    expect(leftOut).toEqual(['prompts.5: apiKey (1): prompt files have no such parameter.'])
    expect(made).toEqual({
      'my-evals-1': {
        description: 'Support answers',
        variables: texts('question', 'language'),
        messages: [{ role: 'user', content: 'Answer {{question}} in {{language}}.' }],
      },
      support: {
        description: 'Support answers',
        variables: texts('question'),
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: '{{question}}' },
        ],
      },
      dumped: {
        description: 'Support answers',
        variables: texts('question'),
        messages: [{ role: 'user', content: '{{question}}' }],
      },
      chat: {
        description: 'Support answers',
        variables: {
          type: 'object',
          required: ['user', 'q'],
          properties: { user: texts('name'), q: { type: 'string' } },
        },
        messages: [
          { role: 'system', content: 'Be kind.' },
          { role: 'user', content: '{{user.name}}: {{q}}' },
        ],
      },
      'two-1': {
        description: 'Support answers',
        variables: texts('a'),
        messages: [{ role: 'user', content: 'First {{a}}' }],
      },
      'two-2': {
        description: 'Support answers',
        variables: texts('b'),
        messages: [{ role: 'user', content: 'Second {{b}}' }],
      },
      'tres-poli': {
        description: 'Support answers',
        variables: texts('question'),
        messages: [{ role: 'user', content: 'Please: {{question}}' }],
        parameters: { temperature: 0.1 },
      },
    })
  })

  test('a list of paths with labels, and one text alone', () => {
    expect(Object.keys(from('prompts: { prompts/support.json: Support }').files)).toEqual(['support'])
    expect(from('prompts: Hello {{name}}').files).toEqual({
      'my-evals-1': { variables: texts('name'), messages: [{ role: 'user', content: 'Hello {{name}}' }] },
    })
  })

  test('what stands beside prompts is counted', () => {
    const { leftOut } = from(
      'prompts: [hello]\nproviders: [openai:chat:gpt-4o-mini, ollama:x]\ntests: [{}, {}, {}]\nsharing: false\n',
    )

    expect(leftOut).toEqual([
      'providers (2): which model answers is said by model versions and releases.',
      'tests (3): imports carry over prompts; tests of answers are not among them.',
      'sharing (1): it is no part of a prompt.',
    ])
  })

  test.each([
    ['"{% if a %}b{% endif %}"', '{% if a %}: prompts have no statements'],
    ['file://loop.txt', '{% for one in list %}: prompts have no statements'],
    ['"{{ a | upper }}"', '{{ a | upper }}: prompts have no filters'],
    ['"{{ a[0] }}"', 'nothing to reckon with'],
    ['"{{ env.HOME }}"', 'read no environment'],
    ['"{{- a }}"', 'nothing to reckon with'],
    ['"{{ user }} {{ user.name }}"', 'a text and an object at once'],
    ['"{{contexts}}"', '"contexts" is always there'],
    ['"see {{messages}}"', '"messages" is always there'],
    ['"{{ open"', 'not closed'],
    ['file://prompts/*.txt', 'a pattern of names'],
    ['file://made.py', 'a prompt made by .py'],
    ['file://made.js:make', 'more than a text'],
    ['langfuse://answer@production', 'comes from langfuse'],
    ['"exec:./make.sh"', 'comes from exec'],
    ['file://absent.txt', 'no absent.txt'],
    ['{ label: x }', 'neither a text nor an object with raw or id'],
    ['{ label: ../../etc/passwd, raw: hello }', 'cannot be that of a file'],
    ['\'[{"role": "user", "content": {{a}} }]\'', 'not valid JSON before its tags are filled'],
    ['\'[{"role": "robot", "content": "a"}]\'', 'messages.0.role'],
    ['\'[{"role": "user", "content": "a", "name": "ada"}]\'', 'unknown key "name"'],
  ])('%s is left out, and why', (prompt, reason) => {
    const { files: made, leftOut, lost } = from(`prompts:\n  - ${prompt}\n`)

    expect(made).toEqual({})
    expect(lost).toBe(1)
    expect(leftOut.join()).toContain(reason)
  })

  test('of two with one name the second is left out', () => {
    const { files: made, leftOut } = from('prompts: [{ label: A b, raw: one }, { label: a-B, raw: two }]')

    expect(made['a-b']?.messages).toEqual([{ role: 'user', content: 'one' }])
    expect(leftOut).toEqual(['prompts.1 (1): its name a-b is that of prompts.0. Rename one.'])
  })

  test('no config is told so', () => {
    expect(importPromptfoo('- a', { name: 'x', readBeside })).toHaveProperty('problems')
    expect(importPromptfoo('a: [', { name: 'x', readBeside })).toHaveProperty('problems')
  })

  test('depth bombs and empty files end in a sentence', () => {
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
    const raw = JSON.stringify(`[{"role": "user", "content": ${deep}}]`)

    const { lost, leftOut } = from(`prompts: [${raw}]`)

    expect(lost).toBe(1)
    expect(leftOut.join()).toContain('nested too deeply')
    expect(from('').files).toEqual({})
  })
})

describe('langfuse-export', () => {
  const from = (value: unknown) =>
    imported(importLangfuseExport(typeof value === 'string' ? value : JSON.stringify(value), { name: 'x' }))
  const chat = {
    name: 'Support/Answer',
    version: 4,
    type: 'chat',
    prompt: [
      { type: 'chatmessage', role: 'system', content: 'You help {{company}}.' },
      { type: 'placeholder', name: 'history' },
      { role: 'user', content: '{{question}}' },
    ],
    config: {
      temperature: 0,
      model: 'gpt-4o',
      max_tokens: '100',
      response_format: { type: 'json_object' },
      tools: [{ type: 'function', function: { name: 'look_up' } }],
    },
    labels: ['production', 'latest', 'eu'],
    tags: ['support'],
  }

  test('a chat keeps its messages, its place for messages and its settings; the rest is said', () => {
    const { files, leftOut } = from(chat)

    expect(files).toEqual({
      'support-answer': {
        variables: texts('company', 'question'),
        messages: [
          { role: 'system', content: 'You help {{company}}.' },
          '{{messages}}',
          { role: 'user', content: '{{question}}' },
        ],
        parameters: { temperature: 0 },
        tools: [{ type: 'function', function: { name: 'look_up' } }],
        responseFormat: { type: 'json_object' },
      },
    })
    expect(leftOut).toEqual([
      'Support/Answer, version 4: config: model (1): prompt files have no such parameter.',
      'Support/Answer, version 4: config: max_tokens (1): its value is none that prompt files take.',
      'Support/Answer, version 4: labels (2): labels belong to routes. Make a release with the prompt and set its label.',
      'Support/Answer, version 4: tags (1): prompts have no tags.',
    ])
  })

  test.each([
    ['a list', (all: unknown[]) => JSON.stringify(all)],
    ['a page of the API', (all: unknown[]) => JSON.stringify({ data: all, meta: { page: 1 } })],
    ['one a line', (all: unknown[]) => all.map((one) => JSON.stringify(one)).join('\n')],
  ])('%s is read, and a text is a message of the user', (_form, write) => {
    const { files } = from(write([{ name: 'a', version: 1, type: 'text', prompt: 'Say {{x}}' }, { ...chat }]))

    expect(Object.keys(files)).toEqual(['a', 'support-answer'])
    expect(files.a).toEqual({ variables: texts('x'), messages: [{ role: 'user', content: 'Say {{x}}' }] })
  })

  test('of several versions the one in production is carried over, else the newest', () => {
    const version = (name: string, number: number, labels: string[]) => ({
      name,
      version: number,
      prompt: `v${number}`,
      labels,
    })
    const { files, leftOut, lost } = from([
      version('served', 1, []),
      version('served', 2, ['production']),
      version('served', 3, ['latest']),
      version('new', 1, []),
      version('new', 2, ['latest']),
    ])

    expect(files.served?.messages).toEqual([{ role: 'user', content: 'v2' }])
    expect(files.new?.messages).toEqual([{ role: 'user', content: 'v2' }])
    expect(lost).toBe(0)
    expect(leftOut.slice(0, 2)).toEqual([
      'served, version 1 (1): version 2 is carried over, which is labelled production.',
      'served, version 3 (1): version 2 is carried over, which is labelled production.',
    ])
  })

  test.each([
    [{ name: 'a', versions: [1, 2], labels: [], tags: [] }, 'the list has no text of it'],
    [{ version: 1, prompt: 'x' }, 'it has no name'],
    ['text', 'it has no name'],
    [{ name: 'a', prompt: 7 }, 'neither a text nor a list'],
    [{ name: 'a', prompt: 'x @@@langfusePrompt:name=b|label=production@@@' }, 'includes another prompt'],
    [{ name: 'a', prompt: '{{Event Name}}' }, 'has no name. Write letters'],
    [{ name: 'a', prompt: 'like {{"a": 1}}' }, 'has no name'],
    [{ name: 'a', prompt: '{{#items}}{{x}}{{/items}}' }, 'a section does not say what its variable holds'],
    [{ name: 'a', prompt: '{{{x}}}' }, 'is for HTML'],
    [{ name: 'a', prompt: [{ role: 'human', content: 'x' }] }, 'messages.0'],
    [
      { name: 'a', prompt: [1, 2].map(() => ({ type: 'placeholder', name: 'x' })) },
      'stands twice. Keep one.',
    ],
    [{ name: 'a', prompt: 'x', config: { tools: 'none' } }, 'tools'],
    [{ name: '../a', prompt: 'x' }, 'cannot be that of a file'],
    [{ name: '..\\..\\a', prompt: 'x' }, 'cannot be that of a file'],
    [{ name: '/etc/passwd', prompt: 'x' }, 'cannot be that of a file'],
    [{ name: '日本', prompt: 'x' }, 'cannot be that of a file'],
    [{ name: 'a', prompt: 'x'.repeat(300_000) }, 'larger than 262144 bytes'],
    [{ name: 'a', prompt: 'half \ud800' }, 'half a character'],
    [{ name: 'a', prompt: '{{__proto__}}' }, '__proto__'],
  ])('%j is left out, and why', (value, reason) => {
    const { files, leftOut, lost } = from([value])

    expect(files).toEqual({})
    expect(lost).toBe(1)
    expect(leftOut.join()).toContain(reason)
  })

  test('what is no JSON is told so', () => {
    expect(importLangfuseExport('name,version\na,1', { name: 'x' })).toHaveProperty('problems')
    expect(importLangfuseExport('"text"', { name: 'x' })).toHaveProperty('problems')
  })

  test('of tags in their thousands is read or left out', () => {
    const prompt = Array.from({ length: 20_000 }, (_none, at) => `{{v${at}}}`).join('')

    const { files, lost } = from([{ name: 'a', prompt }])

    expect(Object.keys(files).length + lost).toBe(1)
  })
})

describe('openai-evals', () => {
  const from = (lines: readonly unknown[]) =>
    imported(importOpenaiEvals(lines.map((line) => JSON.stringify(line)).join('\n'), { name: 'arithmetic' }))
  const system = { role: 'system', content: 'Answer with a number.' }
  const sample = (content: string, ideal = 'x') => ({ input: [system, { role: 'user', content }], ideal })

  test('what samples share is the prompt, what differs a variable', () => {
    const { files, leftOut } = from([
      sample('Question: what is 2 + 2?\nAnswer:'),
      sample('Question: what is 3 + 4?\nAnswer:'),
      sample('Question: how many legs has a spider?\nAnswer:'),
    ])

    expect(files).toEqual({
      arithmetic: {
        variables: texts('input'),
        messages: [system, { role: 'user', content: 'Question: {{input}}\nAnswer:' }],
      },
    })
    expect(leftOut).toEqual([
      'ideal (3): imports carry over prompts; what a sample expects is not among them.',
    ])
  })

  test('rendered with what a sample had, it is that sample again', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' }), { minLength: 2, maxLength: 5 }), (questions) => {
        fc.pre(new Set(questions).size > 1)
        const { files } = from(questions.map((question) => sample(`Q: ${question}\nA:`)))
        const prompt = compilePrompt(files.arithmetic!)
        const [before = '', after = ''] = lastText(files.arithmetic!).split('{{input}}')
        for (const question of questions) {
          const whole = `Q: ${question}\nA:`
          const input = whole.slice(before.length, whole.length - after.length)
          expect(prompt.render({ input })[1]?.content).toBe(whole)
        }
      }),
    )
  })

  test('examples under a name are said by whom they name', () => {
    const example = [
      { role: 'system', content: '1+1', name: 'example_user' },
      { role: 'system', content: '2', name: 'example_assistant' },
    ]
    const { files } = from(
      ['3+3', '4+4'].map((content) => ({ input: [system, ...example, { role: 'user', content }] })),
    )

    expect(files.arithmetic?.messages).toEqual([
      system,
      { role: 'user', content: '1+1' },
      { role: 'assistant', content: '2' },
      { role: 'user', content: '{{input}}' },
    ])
  })

  test('texts alone, one sample alone, and several places that differ', () => {
    expect(from([{ input: 'a b' }, { input: 'c d' }]).files.arithmetic?.messages).toEqual([
      { role: 'user', content: '{{input}}' },
    ])
    expect(from([sample('what?')]).files.arithmetic?.messages).toEqual([
      system,
      { role: 'user', content: '{{input}}' },
    ])
    const both = ['x', 'y'].map((one) => ({
      input: [
        { role: 'system', content: one },
        { role: 'user', content: `say ${one}` },
      ],
    }))
    expect(from(both).files.arithmetic?.messages).toEqual([
      { role: 'system', content: '{{input}}' },
      { role: 'user', content: '{{input_2}}' },
    ])
  })

  test('lines that are no sample and samples of another shape are counted', () => {
    const { files, leftOut } = from([sample('a'), sample('b'), { input: 'c' }, { ideal: 'd' }, { input: 5 }])

    expect(Object.keys(files)).toEqual(['arithmetic'])
    expect(leftOut.slice(0, 3)).toEqual([
      'line 4 (1): it has no input.',
      'line 5 (1): its input is neither a text nor a list of messages.',
      'samples (1): their roles are not system, user, as those of most.',
    ])
  })

  test('a shared text that would be read as a tag is left out', () => {
    const { lost, leftOut } = from(
      ['a', 'b'].map((content) => ({
        input: [
          { role: 'system', content: 'use {{x}}' },
          { role: 'user', content },
        ],
      })),
    )

    expect(lost).toBe(1)
    expect(leftOut.join()).toContain('would be read as a tag')
  })

  test('no sample at all is told so', () => {
    expect(importOpenaiEvals('', { name: 'x' })).toHaveProperty('problems')
    expect(importOpenaiEvals('nonsense', { name: 'x' })).toHaveProperty('problems')
  })
})

describe('every import', () => {
  test('of any text makes a file that holds that very text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.string(), (content, source) => {
        fc.pre(!content.includes('{{') && !content.includes('\0'))
        const made = toFiles([{ source, name: 'a', messages: [{ role: 'user', content }] }], [])

        expect(imported(made).files.a?.messages).toEqual([{ role: 'user', content }])
      }),
      { numRuns: 500 },
    )
  })

  test.each([
    ['Support/Event Planner', 'support-event-planner'],
    ['  Ünïcode  ', 'unicode'],
    ['a'.repeat(100), 'a'.repeat(63)],
    ['../a', null],
    ['a/../b', null],
    ['C:\\a', null],
    ['~/a', null],
    ['a\0b', null],
    ['…', null],
  ])('%j is called %j', (given, name) => {
    expect(importedName(given)).toBe(name)
  })
})
