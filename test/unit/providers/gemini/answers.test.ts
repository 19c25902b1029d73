/** Gemini answers, complete and streamed, as an OpenAI client sees them. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UpstreamError } from '../../../../src/errors.ts'
import type { JsonObject } from '../../../../src/lib/json.ts'
import { encodeSse } from '../../../../src/lib/sse.ts'
import { geminiTranslation } from '../../../../src/providers/gemini/translation.ts'
import {
  asCompletion,
  assembleWithOpenAI,
  cutStreams,
  fixtures,
  info,
  reassemble,
  translateStream,
} from '../translated-answers.ts'

const { bytes, json } = fixtures('gemini')
const answer = (body: JsonObject) => geminiTranslation.response('chat', body, info)
const stream = (sse: Buffer, pieceBytes?: number) =>
  translateStream(geminiTranslation, sse, pieceBytes === undefined ? {} : { pieceBytes })
const events = (list: readonly JsonObject[]) =>
  Buffer.concat(list.map((event) => encodeSse(JSON.stringify(event))))
const thrown = (run: () => unknown): unknown => {
  try {
    return run()
  } catch (error) {
    return error
  }
}

const PAIRS = [
  'text',
  'parallel-tools',
  'thinking',
  'safety',
  'blocked-prompt',
  'cache-usage',
  'two-candidates',
]

describe.each(PAIRS)('the sample "%s"', (name) => {
  test('answers with every field a strict client parses', () => {
    const completion = asCompletion(answer(json(`${name}.json`)))

    expect(completion).toMatchObject({ id: info.id, created: info.created, model: info.model })
  })

  test('says the same streamed as whole', () => {
    const whole = answer(json(`${name}.json`))
    const streamed = reassemble(stream(bytes(`${name}.sse`)))

    expect(streamed).toEqual(whole)
  })

  test('streams the same chunks wherever its bytes are split', () => {
    const sse = bytes(`${name}.sse`)
    const whole = stream(sse)

    for (const pieceBytes of [1, 2, 3, 7, 64]) expect(stream(sse, pieceBytes)).toEqual(whole)
  })

  test('is assembled by the openai package', async () => {
    const assembled = await assembleWithOpenAI(stream(bytes(`${name}.sse`)))

    const [choice] = asCompletion(answer(json(`${name}.json`))).choices
    expect(assembled.choices[0]?.finish_reason).toBe(choice?.finish_reason)
    expect(assembled.choices[0]?.message.content || null).toBe(choice?.message.content || null)
    expect(assembled.choices[0]?.message.tool_calls ?? []).toMatchObject(choice?.message.tool_calls ?? [])
  })

  test('is an upstream_cut when the connection ends before every candidate has finished', () => {
    for (const cut of cutStreams(bytes(`${name}.sse`))) {
      expect(thrown(() => stream(cut))).toMatchObject({ name: 'UpstreamError', code: 'upstream_cut' })
    }
    expect(thrown(() => stream(Buffer.from('')))).toMatchObject({ code: 'upstream_cut', retryable: true })
  })
})

describe('what the client sees', () => {
  test('parallel calls get stable ids of their own, and keep the ones the API gave', () => {
    const [choice] = asCompletion(answer(json('parallel-tools.json'))).choices

    expect(choice?.finish_reason).toBe('tool_calls')
    expect(choice?.message.tool_calls).toEqual([
      {
        id: 'call_gchatcmplabc123_0_0',
        type: 'function',
        function: { name: 'get_weather', arguments: '{"city":"Porto","unit":"celsius"}' },
        extra_content: { google: { thought_signature: 'CpcBAVSoXO4=' } },
      },
      {
        id: 'call_gchatcmplabc123_0_1',
        type: 'function',
        function: { name: 'get_time', arguments: '{"zone":"Europe/Lisbon"}' },
      },
      { id: 'fc-77', type: 'function', function: { name: 'list_alerts', arguments: '{}' } },
    ])
  })

  test('calls of another answer get other ids', () => {
    const other = geminiTranslation.response('chat', json('parallel-tools.json'), {
      ...info,
      id: 'chatcmpl-other',
    })

    expect(JSON.stringify(other)).not.toContain('call_gchatcmplabc123')
  })

  test('thoughts are reasoning_content', () => {
    expect(answer(json('thinking.json'))).toMatchObject({
      choices: [
        {
          message: { content: '27 × 453 = 12,231', reasoning_content: '27 × 400 = 10,800; 27 × 53 = 1,431.' },
        },
      ],
    })
  })

  test('a blocked prompt is a content_filter answer with the reason', () => {
    expect(answer(json('blocked-prompt.json'))).toMatchObject({
      choices: [
        {
          finish_reason: 'content_filter',
          message: { content: null, refusal: 'The upstream blocked the prompt: PROHIBITED_CONTENT.' },
        },
      ],
    })
  })

  test('several candidates stay apart, each with its finish_reason and log probabilities', () => {
    expect(answer(json('two-candidates.json'))).toMatchObject({
      choices: [
        {
          index: 0,
          finish_reason: 'stop',
          logprobs: {
            content: [
              {
                token: 'Heads',
                logprob: -0.25,
                bytes: [72, 101, 97, 100, 115],
                top_logprobs: [{ token: 'Heads' }, { token: 'x', logprob: -2 }],
              },
            ],
          },
        },
        { index: 1, finish_reason: 'length', message: { content: 'Tails' }, logprobs: null },
      ],
    })
  })

  test.each([
    ['STOP', 'stop'],
    ['MAX_TOKENS', 'length'],
    ['SAFETY', 'content_filter'],
    ['RECITATION', 'content_filter'],
    ['PROHIBITED_CONTENT', 'content_filter'],
    ['SPII', 'content_filter'],
    ['OTHER', 'content_filter'],
    ['A_NEW_REASON', 'content_filter'],
  ])('finishReason %s is finish_reason %s', (finishReason, expected) => {
    const completion = answer({ candidates: [{ content: { parts: [{ text: 'x' }] }, finishReason }] })

    expect(completion).toMatchObject({ choices: [{ finish_reason: expected }] })
  })
})

describe('usage', () => {
  test('cached tokens are a part of the prompt already (golden invoice)', () => {
    expect(answer(json('cache-usage.json')).usage).toEqual({
      prompt_tokens: 2100,
      completion_tokens: 5,
      total_tokens: 2105,
      prompt_tokens_details: { cached_tokens: 2048 },
    })
  })

  test('thoughts are added to the completion (golden invoice), and the sum is the vendor’s', () => {
    expect(answer(json('parallel-tools.json')).usage).toEqual({
      prompt_tokens: 120,
      completion_tokens: 131,
      total_tokens: 251,
      prompt_tokens_details: { cached_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 87 },
    })
  })

  test.each(['text', 'parallel-tools', 'thinking', 'safety', 'cache-usage'])(
    '%s: total is totalTokenCount',
    (name) => {
      const body = json(`${name}.json`)

      expect(answer(body).usage).toMatchObject({
        total_tokens: (body.usageMetadata as JsonObject).totalTokenCount,
      })
    },
  )

  test('tokens of tool results count as prompt', () => {
    const body = { ...json('text.json'), usageMetadata: { promptTokenCount: 8, toolUsePromptTokenCount: 30 } }

    expect(answer(body).usage).toMatchObject({ prompt_tokens: 38, completion_tokens: 0, total_tokens: 38 })
  })

  test('unknown usage is absent, never zero', () => {
    expect(answer({ ...json('text.json'), usageMetadata: {} })).not.toHaveProperty('usage')
  })

  test('a client that did not ask for usage gets none', () => {
    const chunks = translateStream(geminiTranslation, bytes('text.sse'), {
      answer: { ...info, includeUsage: false },
    })

    expect(chunks.every((chunk) => !('usage' in chunk))).toBe(true)
    expect(chunks.at(-1)).toMatchObject({ choices: [{ finish_reason: 'stop' }] })
  })
})

describe('failures', () => {
  test.each([
    ['INVALID_ARGUMENT', 'upstream_refused', false],
    ['PERMISSION_DENIED', 'upstream_auth', false],
    ['RESOURCE_EXHAUSTED', 'upstream_rate_limited', true],
    ['UNAVAILABLE', 'upstream_unavailable', true],
    ['DEADLINE_EXCEEDED', 'upstream_timeout', true],
    ['A_NEW_STATUS', 'upstream_unavailable', true],
  ])('an error of status %s inside a 200 is %s', (status, code, retryable) => {
    const body = { error: { code: 500, message: 'secret words', status } }

    for (const error of [thrown(() => answer(body)), thrown(() => stream(events([body])))]) {
      expect(error).toBeInstanceOf(UpstreamError)
      expect(error).toMatchObject({ code, retryable, detail: `${status}: secret words` })
      expect((error as Error).message).not.toContain('secret words')
    }
  })

  test.each([
    ['error-unavailable.json', 'upstream_unavailable', 503],
    ['error-invalid-argument.json', 'upstream_refused', 400],
  ])('the body %s is %s', (name, code, upstreamStatus) => {
    expect(thrown(() => answer(json(name)))).toMatchObject({ code, upstreamStatus })
  })

  test('a malformed function call is never an empty answer', () => {
    expect(thrown(() => answer(json('malformed-call.json')))).toMatchObject({ code: 'upstream_malformed' })
    expect(thrown(() => stream(bytes('malformed-call.sse')))).toMatchObject({ code: 'upstream_malformed' })
  })

  test('an error event in the middle of a stream ends it with that error', () => {
    expect(thrown(() => stream(bytes('error-event.sse')))).toMatchObject({ code: 'upstream_unavailable' })
  })

  test.each(['MALFORMED_FUNCTION_CALL', 'UNEXPECTED_TOOL_CALL', 'MALFORMED_RESPONSE'])(
    '%s is no answer but an upstream_malformed that may be tried again',
    (finishReason) => {
      const body = { candidates: [{ content: {}, finishReason }] }

      for (const error of [thrown(() => answer(body)), thrown(() => stream(events([body])))]) {
        expect(error).toMatchObject({ code: 'upstream_malformed', retryable: true })
      }
    },
  )

  test.each([
    ['no candidates', { candidates: [] }],
    ['no finishReason', { candidates: [{ content: { parts: [{ text: 'x' }] } }] }],
    ['an image', { candidates: [{ content: { parts: [{ inlineData: {} }] }, finishReason: 'STOP' }] }],
  ])('%s as a whole answer is upstream_malformed', (_name, body) => {
    expect(thrown(() => answer(body as JsonObject))).toMatchObject({ code: 'upstream_malformed' })
  })

  test('an event that is no JSON is upstream_malformed', () => {
    expect(thrown(() => stream(Buffer.from('data: <html>\n\n')))).toMatchObject({
      code: 'upstream_malformed',
    })
  })

  test('a [DONE] in the stream does not make half an answer whole', () => {
    const half = Buffer.concat([
      cutStreams(bytes('text.sse'))[0] ?? Buffer.from(''),
      Buffer.from('data: [DONE]\n\n'),
    ])

    expect(thrown(() => stream(half))).toMatchObject({ code: 'upstream_cut' })
  })
})

test('generated answers say the same streamed as whole, wherever the bytes are split', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 12 })
  const input = fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 2 }))
  const part = fc.oneof(
    text.map((written) => ({ text: written })),
    text.map((written) => ({ text: written, thought: true })),
    input.map((args) => ({ functionCall: { name: 'act', args } })),
    input.map((args) => ({ functionCall: { name: 'act', args, id: 'given' }, thoughtSignature: 'c2ln' })),
  ) as fc.Arbitrary<JsonObject>
  const candidate = fc.array(fc.array(part, { maxLength: 3 }), { maxLength: 4 })

  fc.assert(
    fc.property(
      fc.array(candidate, { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 1, max: 40 }),
      (candidates, pieceBytes) => {
        const usageMetadata = { promptTokenCount: 3, candidatesTokenCount: 4, thoughtsTokenCount: 5 }
        const rounds = Math.max(...candidates.map((groups) => groups.length))
        const sse: JsonObject[] = []
        for (let round = 0; round < rounds; round += 1) {
          for (const [index, groups] of candidates.entries()) {
            const parts = groups[round]
            if (parts !== undefined) sse.push({ candidates: [{ index, content: { parts } }] })
          }
        }
        sse.push({
          candidates: candidates.map((_groups, index) => ({ index, finishReason: 'STOP' })),
          usageMetadata,
        })
        const body = JSON.parse(
          JSON.stringify({
            candidates: candidates.map((groups, index) => ({
              index,
              content: { parts: groups.flat() },
              finishReason: 'STOP',
            })),
            usageMetadata,
          }),
        ) as JsonObject

        expect(reassemble(stream(events(sse), pieceBytes))).toEqual(answer(body))
        asCompletion(answer(body))
      },
    ),
  )
})

describe('whether a stream is likely over', () => {
  const finished = (text: string, index = 0) => ({
    candidates: [{ index, content: { parts: [{ text }] }, finishReason: 'STOP' }],
  })
  const endings = (list: readonly JsonObject[], choices?: number) => {
    const translator = geminiTranslation.stream({ ...info, choices })
    return list.map((event) => {
      translator.push({ event: 'message', data: JSON.stringify(event) })
      return translator.ending
    })
  }

  test('it is once every candidate that was asked for has finished', () => {
    expect(endings([{ candidates: [{ content: { parts: [{ text: 'a' }] } }] }, finished('b')])).toEqual([
      'none',
      'likely',
    ])
    expect(endings([finished('a', 1), finished('b', 0)], 2)).toEqual(['none', 'likely'])
  })

  test('usage that comes after the finish reason changes nothing', () => {
    expect(endings([finished('a'), { usageMetadata: { promptTokenCount: 1 } }])).toEqual(['likely', 'likely'])
  })

  test('it is not where a finish reason stands on every event', () => {
    expect(endings([finished('a'), finished('b'), finished('c')])).toEqual(['likely', 'none', 'none'])
  })
})
