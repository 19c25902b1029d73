import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { answerText } from '../../../../src/cli/replay/answer.ts'

const chat = (message: object, more: object = {}) =>
  JSON.stringify({
    id: 'chatcmpl-1',
    choices: [{ index: 0, message: { role: 'assistant', ...message } }],
    ...more,
  })
const events = (...datas: (object | string)[]) =>
  datas.map((data) => `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`).join('')
const delta = (content: object, index = 0) => ({ choices: [{ index, delta: content }] })
const call = (id: string, text: string) => ({
  id,
  type: 'function',
  function: { name: 'look', arguments: text },
})

describe('what a chat says', () => {
  test('is the text of its first choice, in whatever order the choices come', () => {
    const body = JSON.stringify({
      choices: [
        { index: 1, message: { content: 'second' } },
        { index: 0, message: { content: 'first' } },
      ],
    })

    expect(answerText('chat', body)).toBe('first')
  })

  test('is the same streamed and whole, wherever the stream is split', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1 }), (pieces) => {
        const streamed = events(
          delta({ role: 'assistant', content: '' }),
          ...pieces.flatMap((content) => [delta({ content }), delta({ content: 'another choice' }, 1)]),
          { choices: [], usage: { prompt_tokens: 1 } },
          '[DONE]',
        )

        expect(answerText('chat', streamed)).toBe(answerText('chat', chat({ content: pieces.join('') })))
      }),
    )
  })

  test('has its calls with their arguments, and not the ids that differ every time', () => {
    const one = chat({ content: null, tool_calls: [call('call_1', '{"at":1}'), call('call_2', '{}')] })
    const other = chat({ content: null, tool_calls: [call('call_8', '{"at":1}'), call('call_9', '{}')] })
    const changed = chat({ content: null, tool_calls: [call('call_1', '{"at":2}'), call('call_2', '{}')] })
    const streamed = events(
      delta({ tool_calls: [{ index: 0, ...call('call_1', '{"a') }] }),
      delta({ tool_calls: [{ index: 1, ...call('call_2', '{}') }] }),
      delta({ tool_calls: [{ index: 0, function: { arguments: 't":1}' } }] }),
      '[DONE]',
    )

    expect(answerText('chat', one)).toBe('\nlook({"at":1})\nlook({})')
    expect(answerText('chat', other)).toBe(answerText('chat', one))
    expect(answerText('chat', changed)).not.toBe(answerText('chat', one))
    expect(answerText('chat', streamed)).toBe(answerText('chat', one))
  })

  test('ids, usage and time make no difference', () => {
    const one = chat({ content: 'yes' }, { created: 1, usage: { prompt_tokens: 1 } })
    const other = chat({ content: 'yes' }, { created: 2, system_fingerprint: 'fp' })

    expect(answerText('chat', one)).toBe(answerText('chat', other))
  })
})

test('a completion says its text, streamed and whole', () => {
  expect(answerText('completions', JSON.stringify({ choices: [{ index: 0, text: 'ab' }] }))).toBe('ab')
  expect(
    answerText('completions', events({ choices: [{ text: 'a' }] }, { choices: [{ text: 'b' }] }, '[DONE]')),
  ).toBe('ab')
})

test('a response says its output, and its stream the same', () => {
  const response = {
    output: [
      { type: 'reasoning', id: 'rs_1' },
      { type: 'message', content: [{ type: 'output_text', text: 'hello' }] },
      { type: 'function_call', call_id: 'c1', name: 'look', arguments: '{}' },
    ],
  }
  const streamed = events(
    { type: 'response.created', response: { output: [] } },
    { type: 'response.output_text.delta', delta: 'hello' },
    { type: 'response.completed', response },
  )

  expect(answerText('responses', JSON.stringify(response))).toBe('hello\nlook({})')
  expect(answerText('responses', streamed)).toBe('hello\nlook({})')
})

test('embeddings say their first vector', () => {
  const body = JSON.stringify({
    data: [
      { index: 0, embedding: [0.5, 1] },
      { index: 1, embedding: [2] },
    ],
  })

  expect(answerText('embeddings', body)).toBe('[0.5,1]')
})

test.each([
  ['an error', '{"error":{"message":"no","code":"x"}}'],
  ['a stream that ends with one', events(delta({ content: 'a' }), { error: { message: 'cut' } })],
  ['half a JSON', '{"choices":[{"mess'],
  ['half an event', 'data: {"choices":[{"del'],
  ['nothing', ''],
  ['a page', '<html>'],
  ['an answer without words', chat({ content: '' })],
  ['choices that are none', '{"choices":{"0":1}}'],
])('%s says nothing that could be compared', (_what, body) => {
  expect(answerText('chat', body)).toBeNull()
})

test('any text at all is read without a failure', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.json().map((json) => `data: ${json}\n\n`),
      ),
      (body) => {
        for (const operation of ['chat', 'completions', 'embeddings', 'responses'] as const) {
          expect(answerText(operation, body)).toSatisfy((said) => said === null || typeof said === 'string')
        }
      },
    ),
  )
})
