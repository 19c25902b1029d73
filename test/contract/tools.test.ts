/** Meaning of chat requests and answers: tools, choices, logprobs, refusals, reasoning, parts, parameters. */
import type OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Contract, hello, startContract } from './support/harness.ts'

let contract: Contract

beforeAll(async () => {
  contract = await startContract()
})
afterAll(() => contract?.close())

let serial = 0
const ownModel = (script = '') => {
  serial += 1
  return `tool-${serial}${script === '' ? '' : `?${script}`}`
}

const tools: OpenAI.ChatCompletionTool[] = ['weather', 'time', 'route'].map((name) => ({
  type: 'function',
  function: {
    name,
    strict: true,
    parameters: {
      type: 'object',
      properties: { place: { type: 'string' } },
      required: ['place'],
      additionalProperties: false,
    },
  },
}))

describe('tool calls', () => {
  test('three in parallel keep index, id, name, order and arguments, streamed and whole', async () => {
    const client = contract.client()
    // The client's stream helper parses the arguments of strict tools at every change of index, so these are not.
    const loose = tools.map((tool) =>
      tool.type === 'function' ? { ...tool, function: { ...tool.function, strict: false } } : tool,
    )
    const request = { messages: hello, tools: loose, parallel_tool_calls: true }

    const whole = await client.chat.completions.create({
      model: `up/${ownModel('tool_calls=3&tool_argument_bytes=4000')}`,
      ...request,
    })
    const streamed = await client.chat.completions
      .stream({ model: `up/${ownModel('tool_calls=3&tool_argument_bytes=4000')}`, ...request })
      .finalChatCompletion()
    const row = await contract.row(contract.lastMark())

    const calls = whole.choices[0]?.message.tool_calls as OpenAI.ChatCompletionMessageFunctionToolCall[]
    const again = streamed.choices[0]?.message.tool_calls as OpenAI.ChatCompletionMessageFunctionToolCall[]
    expect(calls.map((call) => [call.id, call.function.name])).toEqual([
      ['call_0', 'weather'],
      ['call_1', 'time'],
      ['call_2', 'route'],
    ])
    expect(again.map(({ id, function: called }) => [id, called.name, called.arguments])).toEqual(
      calls.map(({ id, function: called }) => [id, called.name, called.arguments]),
    )
    expect(again.map((call) => JSON.parse(call.function.arguments).index)).toEqual([0, 1, 2])
    expect(row).toMatchObject({ finish_reason: 'tool_calls', outcome: 'completed' })
  })

  test('deltas of interleaved calls keep their own index', async () => {
    const stream = await contract.client().chat.completions.create({
      model: `up/${ownModel('tool_calls=3&tool_argument_bytes=30000')}`,
      messages: hello,
      tools,
      stream: true,
    })

    const indexes = new Set<number>()
    let switches = 0
    let last = -1
    for await (const chunk of stream) {
      for (const call of chunk.choices[0]?.delta.tool_calls ?? []) {
        indexes.add(call.index)
        if (call.index !== last) switches += 1
        last = call.index
      }
    }
    expect([...indexes]).toEqual([0, 1, 2])
    expect(switches).toBeGreaterThan(6)
  })

  test.each<[string, OpenAI.ChatCompletionToolChoiceOption]>([
    ['none', 'none'],
    ['auto', 'auto'],
    ['required', 'required'],
    ['a named function', { type: 'function', function: { name: 'time' } }],
  ])('tool_choice %s and strict schemas reach the upstream as sent', async (_, choice) => {
    const model = ownModel()

    await contract
      .client()
      .chat.completions.create({ model: `up/${model}`, messages: hello, tools, tool_choice: choice })

    const [seen] = contract.upstream.calls(model)
    expect(seen?.json).toMatchObject({ tools, tool_choice: choice })
  })

  test('a conversation with tool results, null and empty content passes as it is', async () => {
    const model = ownModel()
    const messages: OpenAI.ChatCompletionMessageParam[] = [
      { role: 'user', content: 'Weather?' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'weather', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'c1', content: '' },
      { role: 'assistant', content: '' },
      { role: 'user', content: 'Thanks' },
    ]

    await contract.client().chat.completions.create({ model: `up/${model}`, messages })

    expect(contract.upstream.calls(model)[0]?.json?.messages).toEqual(messages)
  })
})

describe('several choices', () => {
  test('interleaved streams of n choices keep index, text and a finish reason each', async () => {
    const stream = await contract.client().chat.completions.create({
      model: `up/${ownModel('text=one two three')}`,
      messages: hello,
      n: 3,
      stream: true,
    })

    const texts = ['', '', '']
    const reasons: (string | undefined)[] = []
    const order: number[] = []
    for await (const chunk of stream) {
      for (const choice of chunk.choices) {
        order.push(choice.index)
        texts[choice.index] += choice.delta.content ?? ''
        if (choice.finish_reason !== null) reasons[choice.index] = choice.finish_reason
      }
    }
    expect(texts).toEqual(['one two three', '[1] one two three', '[2] one two three'])
    expect(reasons).toEqual(['stop', 'stop', 'stop'])
    expect(order.slice(0, 6)).toEqual([0, 1, 2, 0, 1, 2])
  })

  test('n choices come whole, too', async () => {
    const answer = await contract
      .client()
      .chat.completions.create({ model: `up/${ownModel()}`, messages: hello, n: 2 })

    expect(answer.choices.map((choice) => choice.index)).toEqual([0, 1])
  })
})

describe('what an answer may carry', () => {
  test('logprobs with their top_logprobs and bytes, streamed and whole', async () => {
    const request = { messages: hello, logprobs: true, top_logprobs: 1 }
    const client = contract.client()

    const whole = await client.chat.completions.create({
      model: `up/${ownModel('text=schön ☃')}`,
      ...request,
    })
    const stream = await client.chat.completions.create({
      model: `up/${ownModel('text=schön ☃')}`,
      ...request,
      stream: true,
    })
    const streamed: OpenAI.ChatCompletionTokenLogprob[] = []
    for await (const chunk of stream) streamed.push(...(chunk.choices[0]?.logprobs?.content ?? []))

    expect(whole.choices[0]?.logprobs?.content).toEqual(streamed)
    expect(streamed.map((entry) => Buffer.from(entry.bytes ?? []).toString()).join('')).toBe('schön ☃')
    expect(streamed[0]?.top_logprobs).toHaveLength(1)
  })

  test('a refusal, streamed and whole', async () => {
    const client = contract.client()

    const whole = await client.chat.completions.create({
      model: `up/${ownModel('refusal=I cannot')}`,
      messages: hello,
    })
    const streamed = await client.chat.completions
      .stream({ model: `up/${ownModel('refusal=I cannot')}`, messages: hello })
      .finalMessage()

    expect(whole.choices[0]?.message).toMatchObject({ content: null, refusal: 'I cannot' })
    expect(streamed.refusal).toBe('I cannot')
  })

  test('reasoning_content, which no client type knows', async () => {
    const stream = await contract.client().chat.completions.create({
      model: `up/${ownModel('reasoning=think hard&text=answer')}`,
      messages: hello,
      stream: true,
    })

    let reasoning = ''
    for await (const chunk of stream) {
      reasoning +=
        (chunk.choices[0]?.delta as { reasoning_content?: string } | undefined)?.reasoning_content ?? ''
    }
    expect(reasoning).toBe('think hard')
  })

  test('system_fingerprint, service_tier, id, created and the upstream’s model name', async () => {
    const model = ownModel()

    const answer = await contract.client().chat.completions.create({ model: `up/${model}`, messages: hello })

    expect(answer).toMatchObject({
      id: expect.stringMatching(/^chatcmpl-up/),
      model,
      system_fingerprint: 'fp_upstream',
      service_tier: 'default',
    })
  })

  test.each(['length', 'content_filter', 'stop', 'function_call', 'something_new'])(
    'finish reason %s is passed on and logged',
    async (reason) => {
      const answer = await contract.client().chat.completions.create({
        model: `up/${ownModel(`finish_reason=${reason}`)}`,
        messages: hello,
      })

      expect(answer.choices[0]?.finish_reason).toBe(reason)
      expect((await contract.row(contract.lastMark())).finish_reason).toBe(reason)
    },
  )

  test('usage with cached and reasoning tokens is logged by its parts', async () => {
    const model = ownModel()
    const usage = {
      prompt_tokens: 100,
      completion_tokens: 20,
      total_tokens: 120,
      prompt_tokens_details: { cached_tokens: 64 },
      completion_tokens_details: { reasoning_tokens: 11 },
    }
    const choices = [{ index: 0, message: { role: 'assistant', content: 'x' }, finish_reason: 'stop' }]
    contract.upstream.on(model, {
      body: JSON.stringify({ id: 'x', choices, usage }),
      contentType: 'application/json',
    })

    await contract.client().chat.completions.create({ model: `up/${model}`, messages: hello })

    expect(await contract.row(contract.lastMark())).toMatchObject({
      input_tokens: 100,
      output_tokens: 20,
      cached_input_tokens: 64,
      reasoning_tokens: 11,
    })
  })

  test('usage that makes no sense is unknown in the log, never a number', async () => {
    const model = ownModel()
    contract.upstream.on(model, {
      body: '{"id":"x","choices":[],"usage":{"prompt_tokens":-3,"completion_tokens":1e300}}',
      contentType: 'application/json',
    })

    await contract.client().chat.completions.create({ model: `up/${model}`, messages: hello })

    expect(await contract.row(contract.lastMark())).toMatchObject({ input_tokens: null, output_tokens: null })
  })
})

describe('what a request may carry', () => {
  test.each([
    ['max_tokens', { max_tokens: 5 }],
    ['max_completion_tokens', { max_completion_tokens: 5 }],
    ['reasoning_effort', { reasoning_effort: 'low' }],
    ['seed and service_tier', { seed: 7, service_tier: 'flex' }],
    ['metadata, store, user', { metadata: { a: 'b' }, store: true, user: 'u-1' }],
    [
      'a response schema',
      {
        response_format: {
          type: 'json_schema',
          json_schema: { name: 'x', strict: true, schema: { type: 'object', properties: {} } },
        },
      },
    ],
    ['logit_bias and stop', { logit_bias: { '50256': -100 }, stop: ['\n', 'END'] }],
    ['fields of tomorrow', { verbosity: 'low', x_vendor: { deep: [1, 2] } }],
  ])('%s reaches the upstream as sent', async (_, fields) => {
    const model = ownModel()

    await contract
      .client()
      .chat.completions.create({ model: `up/${model}`, messages: hello, ...(fields as object) })

    expect(contract.upstream.calls(model)[0]?.json).toEqual({ model, messages: hello, ...fields })
  })

  test('the developer role and parts: text, image as data URI, audio, file', async () => {
    const model = ownModel()
    const messages = [
      { role: 'developer', content: 'Be brief' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=', detail: 'low' } },
          { type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'wav' } },
          { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBERi0=' } },
        ],
      },
    ] as OpenAI.ChatCompletionMessageParam[]

    await contract.client().chat.completions.create({ model: `up/${model}`, messages })

    expect(contract.upstream.calls(model)[0]?.json?.messages).toEqual(messages)
  })

  test('structured output parses in the openai client', async () => {
    const model = ownModel()
    const content = JSON.stringify({ answer: 42 })
    const choices = [
      { index: 0, message: { role: 'assistant', content, refusal: null }, finish_reason: 'stop' },
    ]
    contract.upstream.on(model, {
      body: JSON.stringify({ id: 'x', object: 'chat.completion', choices }),
      contentType: 'application/json',
    })

    const answer = await contract.client().chat.completions.parse({
      model: `up/${model}`,
      messages: hello,
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'answer', strict: true, schema: { type: 'object' } },
      },
    })

    expect(JSON.parse(answer.choices[0]?.message.content ?? '')).toEqual({ answer: 42 })
  })

  test('the end user is on the log, under a pseudonym', async () => {
    await contract
      .client()
      .chat.completions.create({ model: `up/${ownModel()}`, messages: hello, user: 'customer-7' })

    expect(await contract.row(contract.lastMark())).toMatchObject({
      subject: expect.stringMatching(/^sub_[0-9a-f]{32}$/),
    })
  })
})
