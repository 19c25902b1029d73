import { describe, expect, test } from 'vitest'
import { TRAINING_SHAPES, trainingExample } from '../../../../src/evals/datasets/fine-tuning.ts'
import type { DatasetItem } from '../../../../src/evals/datasets/item.ts'

const QUESTION = [{ role: 'user', content: 'May I return shoes?' }]
const item = (more: Partial<DatasetItem>): DatasetItem => ({ id: 'a', input: 'May I return shoes?', ...more })

/** The examples of https://platform.openai.com/docs/guides/supervised-fine-tuning and …/direct-preference-optimization. */
test('the shapes take what the documentation shows, as far as words go', () => {
  const marv = {
    messages: [
      { role: 'system', content: 'Marv is a factual chatbot that is also sarcastic.' },
      { role: 'user', content: "What's the capital of France?" },
      { role: 'assistant', content: "Paris, as if everyone doesn't know that already." },
    ],
  }
  const pair = {
    input: {
      messages: [{ role: 'user', content: 'Hello, can you tell me how cold San Francisco is today?' }],
    },
    preferred_output: [
      { role: 'assistant', content: 'Today in San Francisco, it is not quite cold as expected.' },
    ],
    non_preferred_output: [
      { role: 'assistant', content: 'It is not particularly cold in San Francisco today.' },
    ],
  }

  expect(TRAINING_SHAPES['openai-ft'].safeParse(marv).success).toBe(true)
  expect(TRAINING_SHAPES.dpo.safeParse(pair).success).toBe(true)
})

describe('an example to repeat', () => {
  const line = (given: Partial<DatasetItem>) => trainingExample(item(given), 'openai-ft')

  test.each([
    ['what is expected', { expected: 'Within 30 days.', output: 'No.' }, 'Within 30 days.'],
    ['a value as the JSON that a model would write', { expected: { days: 30 } }, '{"days":30}'],
    [
      'an answer that people found good',
      { output: 'Yes.', labels: { kind: 1, right: 0.75, long: null } },
      'Yes.',
    ],
  ])('is %s', (_what, given, wanted) => {
    expect(line(given)).toEqual({ line: { messages: [...QUESTION, { role: 'assistant', content: wanted }] } })
  })

  test('keeps a conversation as it was', () => {
    const messages = [{ role: 'system', content: 'Be kind.' }, ...QUESTION]
    expect(trainingExample({ id: 'a', messages, expected: 'Yes.' }, 'openai-ft')).toEqual({
      line: { messages: [...messages, { role: 'assistant', content: 'Yes.' }] },
    })
  })

  test.each([
    ['expects nothing, and nobody has rated its output', { output: 'Yes.', labels: { kind: null } }],
    [
      'expects nothing, and people did not find its output good',
      { output: 'Yes.', labels: { kind: 1, right: 0.5 } },
    ],
    ['has neither an expected answer nor an output', {}],
    ['its expected answer is empty', { expected: '' }],
    ['expects calls of functions, and does not say which there are', { expected: [{ name: 'refund' }] }],
    ['asks by variables of a prompt as well, which its words lack', { variables: { a: 1 }, expected: 'x' }],
  ])('is none of an item that %s', (left, given) => {
    expect(line(given)).toEqual({ left })
  })

  test.each([
    ['asks by variables of a prompt, and not in words', { variables: { a: 1 } }],
    [
      'its conversation ends with an answer',
      { messages: [...QUESTION, { role: 'assistant', content: 'x' }] },
    ],
    [
      'its message 2 is not words alone of a system, a user or an assistant',
      { messages: [...QUESTION, { role: 'tool', content: '{}', tool_call_id: 'c1' }] },
    ],
    [
      'its message 1 is not words alone of a system, a user or an assistant',
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:' } }] }] },
    ],
  ])('is none of one that %s', (left, asks) => {
    expect(trainingExample({ id: 'a', expected: 'Yes.', ...asks }, 'openai-ft')).toEqual({ left })
  })
})

describe('an answer that is better than another', () => {
  const line = (given: Partial<DatasetItem>) => trainingExample(item(given), 'dpo')

  test.each([[undefined], [{ kind: 0 }], [{ kind: 1, right: 0.25 }]])(
    'is what was expected, rated %j',
    (labels) => {
      const given = { expected: 'Yes.', output: 'No.', ...(labels && { labels }) }
      expect(line(given)).toEqual({
        line: {
          input: { messages: QUESTION },
          preferred_output: [{ role: 'assistant', content: 'Yes.' }],
          non_preferred_output: [{ role: 'assistant', content: 'No.' }],
        },
      })
    },
  )

  test.each([
    ['people found its output good', { expected: 'Yes.', output: 'Sure.', labels: { kind: 1 } }],
    [
      'people do not say whether its output is bad',
      { expected: 'Yes.', output: 'No.', labels: { kind: 0.5 } },
    ],
    ['its output is the expected answer', { expected: 'Yes, you may.', output: 'Yes,  you\nmay. ' }],
    ['has no output that its expected answer is better than', { expected: 'Yes.' }],
    ['expects nothing, so nothing is better than its output', { output: 'No.', labels: { kind: 0 } }],
  ])('is none where %s', (left, given) => {
    expect(line(given)).toEqual({ left })
  })
})
