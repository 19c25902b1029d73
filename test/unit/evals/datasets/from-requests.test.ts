import { expect, test } from 'vitest'
import { itemOfRequest, type LoggedCall } from '../../../../src/evals/datasets/from-requests.ts'

const call = (body: object, more: Partial<LoggedCall> = {}): LoggedCall => ({
  id: 'req_1',
  operation: 'chat',
  route: 'support-answer',
  model: 'gpt-4o-mini',
  subject: 'sub_1',
  startedAt: '2026-11-23T13:05:33.000Z',
  body: JSON.stringify({ model: 'support-answer', ...body }),
  answer: 'Yes.',
  contexts: [],
  ...more,
})
const about = {
  id: 'req_1',
  output: 'Yes.',
  metadata: { route: 'support-answer', model: 'gpt-4o-mini', started_at: '2026-11-23T13:05:33.000Z' },
  group: 'sub_1',
  source: { request_id: 'req_1' },
}
const user = (content: unknown) => ({ role: 'user', content })

test.each<[string, object, Partial<LoggedCall>, object]>([
  [
    'one text of a user as input',
    { messages: [user('May I return it?')] },
    {},
    { input: 'May I return it?' },
  ],
  [
    'a conversation as messages',
    { messages: [{ role: 'system', content: 'Be brief.' }, user('Hi')] },
    {},
    { messages: [{ role: 'system', content: 'Be brief.' }, user('Hi')] },
  ],
  [
    'parts of a message as they are',
    { messages: [user([{ type: 'text', text: 'Hi' }])] },
    {},
    { messages: [user([{ type: 'text', text: 'Hi' }])] },
  ],
  [
    'variables of a prompt',
    { prompt: { variables: { question: 'Why?' } } },
    {},
    { variables: { question: 'Why?' } },
  ],
  [
    'variables and messages where both were sent',
    { messages: [user('Hi')], prompt: { variables: { tone: 'kind' } } },
    {},
    { input: 'Hi', variables: { tone: 'kind' } },
  ],
  ['the prompt of a completion', { prompt: 'Once' }, { operation: 'completions' }, { input: 'Once' }],
  ['a text of the Responses API', { input: 'Hi' }, { operation: 'responses' }, { input: 'Hi' }],
  [
    'instructions of the Responses API as the system’s message',
    { instructions: 'Be brief.', input: [user('Hi')] },
    { operation: 'responses' },
    { messages: [{ role: 'system', content: 'Be brief.' }, user('Hi')] },
  ],
  [
    'the passages that were shown',
    { messages: [user('Hi')] },
    { contexts: ['One.'] },
    { input: 'Hi', contexts: ['One.'] },
  ],
])('a logged request keeps %s', (_what, body, more, asked) => {
  expect(itemOfRequest(call(body, more))).toEqual({ item: { ...about, ...asked } })
})

test('what was answered is output, never expected, and missing where the log does not hold it', () => {
  const found = itemOfRequest(call({ messages: [user('Hi')] }, { answer: null, subject: null, route: null }))

  expect(found).toEqual({
    item: {
      id: 'req_1',
      input: 'Hi',
      metadata: { model: 'gpt-4o-mini', started_at: '2026-11-23T13:05:33.000Z' },
      source: { request_id: 'req_1' },
    },
  })
})

test.each([
  ['an embedding', { input: 'Hi' }, { operation: 'embeddings' }],
  ['no messages', { messages: [] }, {}],
  [
    'a turn of the Responses API that is no message',
    { input: [user('Hi'), { type: 'function_call_output' }] },
    { operation: 'responses' },
  ],
])('a request with %s is left out, with the reason', (_what, body, more) => {
  expect(itemOfRequest(call(body, more))).toEqual({ left: 'asks nothing in words' })
})

test('a request that is larger than an item may be is left out, with the reason', () => {
  const found = itemOfRequest(call({ messages: [user('x'.repeat(1_100_000))] }))

  expect(found).toEqual({
    left: expect.stringMatching(/^its body: \d+ bytes, and an item has at most 1048576\./),
  })
})
