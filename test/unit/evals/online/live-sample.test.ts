import { describe, expect, test } from 'vitest'
import type { RequestDetail } from '../../../../src/audit/privacy/read-bodies.ts'
import { liveSample } from '../../../../src/evals/online/live-sample.ts'
import type { RecalledContexts } from '../../../../src/gateway/recall-contexts.ts'
import { logRow } from '../../../support/log-row.ts'

const QUESTION = { messages: [{ role: 'user', content: 'May I return shoes?' }] }
const events = (...datas: object[]) =>
  `${datas.map((data) => `data: ${JSON.stringify(data)}\n\n`).join('')}data: [DONE]\n\n`
const delta = (content: object) => ({ choices: [{ index: 0, delta: content }] })
const whole = (content: string) => JSON.stringify({ choices: [{ index: 0, message: { content } }] })

function read(
  asked: object | string,
  answer: string,
  { contexts = null, ...more }: Partial<RequestDetail> & { contexts?: RecalledContexts } = {},
) {
  const body = typeof asked === 'string' ? asked : JSON.stringify({ model: 'support-answer', ...asked })
  const row = logRow({ requestBody: body, responseBody: answer, costMicroUsd: 12n, durationMs: 340, ...more })
  return liveSample(row, contexts)
}

describe('a logged request', () => {
  test('is the sample that a run would have made of it', () => {
    const contexts = [{ number: 1, text: 'Within 30 days.' }]
    const retrieved = { chunk: 3, document: 'returns.md', hash: 'h', score: 1, cosine: null }
    const retrieval = { contexts: [retrieved], without: null, durationMs: 3 }

    expect(read(QUESTION, whole('Yes [1].'), { contexts, retrieval })).toEqual({
      sample: {
        input: 'May I return shoes?',
        prompt: 'May I return shoes?',
        variables: {},
        output: 'Yes [1].',
        toolCalls: [],
        finishReason: 'stop',
        expected: null,
        assertions: null,
        contexts: ['Within 30 days.'],
        retrieved: { found: ['returns.md'], relevant: [] },
        latencyMs: 340,
        cost: 12n,
      },
    })
  })

  test('is read from a stream with its calls put together, and as any operation that answers in words', () => {
    const piece = (at: object) => delta({ tool_calls: [{ index: 0, ...at }] })
    const streamed = events(
      delta({ content: 'One ' }),
      delta({ content: 'moment.' }),
      piece({ function: { name: 'look', arguments: '{"a"' } }),
      piece({ function: { arguments: ':1}' } }),
    )
    const response = { output: [{ type: 'message', content: [{ type: 'output_text', text: 'Yes.' }] }] }

    expect(read(QUESTION, streamed)).toMatchObject({
      sample: { output: 'One moment.', toolCalls: [{ name: 'look', arguments: '{"a":1}' }] },
    })
    expect(
      read({ input: 'Hi' }, events({ type: 'response.completed', response }), { operation: 'responses' }),
    ).toMatchObject({ sample: { input: 'Hi', output: 'Yes.' } })
    expect(
      read({ prompt: 'Hi' }, JSON.stringify({ choices: [{ text: 'Yes.' }] }), { operation: 'completions' }),
    ).toMatchObject({ sample: { input: 'Hi', output: 'Yes.' } })
  })

  test('shows the passages that the app sent itself, where its release has no index', () => {
    const variables = { question: 'May I?', contexts: [{ number: 1, text: 'Within 30 days.' }, 'Or later.'] }

    expect(read({ prompt: { variables } }, whole('Yes.'))).toMatchObject({
      sample: { variables, contexts: ['Within 30 days.', 'Or later.'], retrieved: null },
    })
  })

  test('keeps an answer without words: that is something to judge', () => {
    expect(read(QUESTION, whole(''))).toMatchObject({ sample: { output: '' } })
  })

  test.each<[string, ReturnType<typeof read>]>([
    ['unsupported_operation', read(QUESTION, whole('Yes.'), { operation: 'embeddings' })],
    ['no_answer', read(QUESTION, whole('Yes.'), { outcome: 'upstream_cut' })],
    ['no_answer', read(QUESTION, '{}', { status: 429 })],
    ['too_large', read(QUESTION, whole('Yes.'), { requestBytes: 1_000_001 })],
    ['too_large', read(QUESTION, whole('Yes.'), { responseBytes: 8_000_001 })],
    ['cut', read(QUESTION, whole('Yes.'), { truncated: true })],
    ['erased', read(QUESTION, whole('Yes.'), { bodyState: 'erased', requestBody: null })],
    ['unreadable', read(QUESTION, whole('Yes.'), { bodyState: 'unreadable', requestBody: null })],
    ['redacted', read(QUESTION, whole('Yes.'), { requestRedacted: { card: 1 } })],
    ['redacted', read(QUESTION, whole('Yes.'), { responseRedacted: { card: 1 } })],
    ['not_text', read(QUESTION, whole('Yes.'), { responseBody: Buffer.from([255]) })],
    ['not_text', read(QUESTION, '{"choices": [')],
    ['not_text', read(QUESTION, '{"error": {"message": "no"}}')],
    ['not_text', read('{"messages":', whole('Yes.'))],
    ['asks_nothing', read({ messages: [] }, whole('Yes.'))],
    ['contexts_gone', read(QUESTION, whole('Yes.'), { contexts: 'gone' })],
  ])('is skipped as %s', (skip, made) => {
    expect(made).toEqual({ skip })
  })
})
