import { describe, expect, test } from 'vitest'
import { render, renderMessages, renderVariables } from '../../../../../src/evals/suites/promptfoo/render.ts'

const VARIABLES = { name: 'Ada', age: 36, is_new: false, nothing: null, user: { team: 'blue' }, list: ['a'] }

describe('a text', () => {
  test.each([
    ['Hello {{name}}, {{ age }}!', 'Hello Ada, 36!'],
    ['{{user.team}} and {{is_new}}', 'blue and false'],
    ['<b>{{name}}</b> & {# a remark #}{{gone}}{{nothing}}{{user.gone.deeper}}.', '<b>Ada</b> & .'],
    ['{{constructor}}{{user.__proto__}}', ''],
    ['{{ user | dump }} {{list|dump|safe}} {{gone | dump}}', '{"team":"blue"} ["a"] '],
    ['no tags at all {', 'no tags at all {'],
  ])('%j is filled with nothing escaped', (text, wanted) => {
    expect(render(text, VARIABLES)).toEqual({ text: wanted })
  })

  test.each([
    ['{{ name | upper }}', /a filter/],
    ['{% if name %}x{% endif %}', /a statement/],
    ['{{ env.TOKEN }}', /the environment/],
    ['{{ list[0] }}', /an expression/],
    ['{{- name -}}', /an expression/],
    ['{{ user }}', /an object or a list/],
    ['{{ true }}', /an expression/],
  ])('%j is not filled, for a reason', (text, why) => {
    expect(render(text, VARIABLES)).toEqual({ why: expect.stringMatching(why) })
  })
})

test('variables may name others once, and lose one line end', () => {
  expect(renderVariables({ a: 'x {{b}}\n', b: 'y\n\n', n: 1 })).toEqual({
    variables: { a: 'x y\n', b: 'y\n', n: 1 },
  })
  expect(renderVariables({ a: '{{b}}', b: '{{c}}', c: 'z' })).toEqual({
    why: expect.stringContaining('name others'),
  })
  expect(renderVariables({ a: '{{b|trim}}' })).toEqual({ why: expect.stringContaining('the variable a') })
})

describe('a prompt', () => {
  const chat = '[{"role":"system","content":"For {{name}}"},{"role":"user","content":"{{q}}"}]'

  test('as JSON is a chat whose texts are filled one by one, so that quotes break nothing', () => {
    expect(renderMessages(chat, { name: 'Ada', q: 'Say "yes"\nor no' })).toEqual({
      messages: [
        { role: 'system', content: 'For Ada' },
        { role: 'user', content: 'Say "yes"\nor no' },
      ],
    })
  })

  test('as YAML, or as a text that becomes JSON, is a chat too', () => {
    const wanted = { messages: [{ role: 'user', content: 'hi' }] }

    expect(renderMessages('- role: user\n  content: {{q}}\n', { q: 'hi' })).toEqual(wanted)
    expect(renderMessages('{{all}}', { all: '[{"role":"user","content":"hi"}]' })).toEqual(wanted)
  })

  test('of any other text is one message of the user', () => {
    expect(renderMessages('Count {{n}}.\n', { n: 3 })).toEqual({
      messages: [{ role: 'user', content: 'Count 3.\n' }],
    })
    expect(renderMessages('{{n}}', { n: 42 })).toEqual({ messages: [{ role: 'user', content: '42' }] })
    expect(renderMessages('[INST] {{n}} [/INST]', { n: 1 })).toMatchObject({ messages: [{ role: 'user' }] })
  })

  test('that is broken JSON once it is filled is not sent', () => {
    const broken = '[{"role":"user","content":{{q}}}]'

    expect(renderMessages(broken, { q: 'no quotes' })).toEqual({
      why: expect.stringContaining('not valid JSON'),
    })
  })
})
