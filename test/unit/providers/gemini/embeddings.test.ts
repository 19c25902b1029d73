/** Gemini embeddings behind OpenAI's wire. */

import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../../src/lib/json.ts'
import { geminiTranslation } from '../../../../src/providers/gemini/translation.ts'
import { chatCall, fixtures, info } from '../translated-answers.ts'

const { json } = fixtures('gemini')
const MODEL = 'gemini-embedding-001'
const send = (parsed: JsonObject) =>
  geminiTranslation.request({
    ...chatCall(MODEL, {}),
    operation: 'embeddings',
    parsed: { model: MODEL, ...parsed },
  })
const answer = (body: JsonObject, embeddingFormat?: 'float' | 'base64') =>
  geminiTranslation.response('embeddings', body, { ...info, embeddingFormat })

describe('requests', () => {
  test('one text is embedded alone', () => {
    expect(send({ input: 'hi', dimensions: 256 })).toEqual({
      method: 'POST',
      path: '/v1beta/models/gemini-embedding-001:embedContent',
      body: {
        model: 'models/gemini-embedding-001',
        content: { parts: [{ text: 'hi' }] },
        outputDimensionality: 256,
      },
    })
  })

  test('a list is embedded as a batch, in order', () => {
    expect(send({ input: ['a', 'b'], encoding_format: 'base64', user: 'u' })).toMatchObject({
      path: '/v1beta/models/gemini-embedding-001:batchEmbedContents',
      body: { requests: [{ content: { parts: [{ text: 'a' }] } }, { content: { parts: [{ text: 'b' }] } }] },
    })
  })

  test.each([
    ['input', {}, 'missing_required_parameter'],
    ['input', { input: [] }, 'invalid_value'],
    ['input', { input: new Array(101).fill('x') }, 'invalid_value'],
    ['input', { input: [1, 2, 3] }, 'unsupported_parameter'],
    ['input', { input: [[1], [2]] }, 'unsupported_parameter'],
    ['input[1]', { input: ['a', {}] }, 'invalid_type'],
    ['input', { input: 5 }, 'invalid_type'],
    ['encoding_format', { input: 'a', encoding_format: 'hex' }, 'invalid_value'],
    ['dimensions', { input: 'a', dimensions: 0 }, 'invalid_value'],
    ['truncate', { input: 'a', truncate: true }, 'unsupported_parameter'],
  ])('%s is checked: %j', (param, parsed, code) => {
    expect(() => send(parsed as JsonObject)).toThrow(expect.objectContaining({ param, code }))
  })
})

describe('answers', () => {
  test('are floats by default, and unknown usage is null rather than zero', () => {
    expect(answer(json('embed.json'))).toEqual({
      object: 'list',
      data: [{ object: 'embedding', index: 0, embedding: [0.5, -0.25, 1] }],
      model: info.model,
      usage: null,
    })
  })

  test('are little-endian 32-bit floats in base64 when asked', () => {
    const list = answer(json('batch-embed.json'), 'base64').data as { index: number; embedding: string }[]

    const vectors = list.map(({ embedding }) => {
      const bytes = Buffer.from(embedding, 'base64')
      return [bytes.readFloatLE(0), bytes.readFloatLE(4)]
    })
    expect(vectors).toEqual([
      [0.5, -0.25],
      [0.125, 2],
    ])
    expect(list.map(({ index }) => index)).toEqual([0, 1])
  })

  test('carry the usage of models that count', () => {
    expect(answer({ ...json('embed.json'), usageMetadata: { promptTokenCount: 4 } }).usage).toEqual({
      prompt_tokens: 4,
      total_tokens: 4,
    })
  })

  test.each([
    ['an empty answer', {}, 'upstream_malformed'],
    ['an empty vector', { embedding: { values: [] } }, 'upstream_malformed'],
    ['a vector of words', { embedding: { values: ['a'] } }, 'upstream_malformed'],
    ['an error', { error: { status: 'UNAVAILABLE' } }, 'upstream_unavailable'],
  ])('%s is %s', (_name, body, code) => {
    expect(() => answer(body as JsonObject)).toThrow(expect.objectContaining({ code }))
  })
})
