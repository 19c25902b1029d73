import { expect, test } from 'vitest'
import { chatBody } from '../../../../src/evals/runs/ask.ts'
import { measureHash, type RunContent } from '../../../../src/evals/runs/run-content.ts'

const CONTENT: RunContent = {
  suite: 'suite',
  dataset: { id: 'ds_1', name: 'questions', version: 1, hash: 'h' },
  split: null,
  subject: { kind: 'model', model: 'local/reader' },
  repeats: 1,
  scorers: [],
  concurrency: 1,
  timeoutMs: 1000,
  coverage: 1,
  alpha: 0.05,
  seed: null,
}

test('the parameters of a suite go with every question, beside model, messages and seed', () => {
  expect(chatBody('local/reader', { input: 'hi' }, { seed: 7, parameters: { temperature: 0 } })).toEqual({
    model: 'local/reader',
    messages: [{ role: 'user', content: 'hi' }],
    temperature: 0,
    seed: 7,
  })
})

test('runs with other parameters are not measured alike', () => {
  expect(measureHash({ ...CONTENT, parameters: { temperature: 0 } })).not.toBe(measureHash(CONTENT))
})
