/** The clients people use, unchanged but for the base URL: openai, the AI SDK, LangChain. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { HumanMessage } from '@langchain/core/messages'
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai'
import { embedMany, generateText, jsonSchema, Output, streamText, type ToolSet, tool } from 'ai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Contract, hello, startContract } from '../contract/support/harness.ts'
import { embeddingOf } from '../support/openai-wire-data.ts'

const WEATHER = {
  name: 'get_weather',
  description: 'The weather at a place',
  schema: {
    type: 'object' as const,
    properties: { place: { type: 'string' } },
    required: ['place'],
    additionalProperties: false,
  },
}
const ANSWER = {
  type: 'object' as const,
  properties: { answer: { type: 'number' } },
  required: ['answer'],
  additionalProperties: false,
}

let contract: Contract

beforeAll(async () => {
  contract = await startContract({
    settings: (up) => ({
      upstreams: { up },
      routes: { support: { targets: ['up/mock?text=from the route'] } },
    }),
  })
  for (const name of ['openai', 'ai-sdk', 'langchain']) {
    contract.upstream.on(`${name}-json`, { text: '{"answer":42}' })
  }
})
afterAll(() => contract?.close())

/** These clients bring their own fetch; theirs are found in the log by model. */
async function outcomes(model: string): Promise<string[]> {
  return (await contract.rows()).filter((row) => row.requested_model === model).map((row) => row.outcome)
}

describe('openai', () => {
  test('chat, stream, tools, structured output and embeddings', async () => {
    const client = contract.client()

    const chat = await client.chat.completions.create({ model: 'support', messages: hello })
    const streamed = await client.chat.completions
      .stream({ model: 'up/mock?text=word by word', messages: hello })
      .finalContent()
    const called = await client.chat.completions.create({
      model: 'up/mock?tool_calls=1',
      messages: hello,
      tools: [{ type: 'function', function: { name: WEATHER.name, parameters: WEATHER.schema } }],
    })
    const structured = await client.chat.completions.create({
      model: 'up/openai-json',
      messages: hello,
      response_format: { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema: ANSWER } },
    })
    const vectors = await client.embeddings.create({ model: 'up/mock', input: ['a', 'b'] })

    expect(chat.choices[0]?.message.content).toBe('from the route')
    expect(streamed).toBe('word by word')
    expect(called.choices[0]?.message.tool_calls?.[0]).toMatchObject({ function: { name: WEATHER.name } })
    expect(JSON.parse(structured.choices[0]?.message.content ?? '')).toEqual({ answer: 42 })
    expect(vectors.data.map((item) => item.embedding)).toEqual([
      [...embeddingOf('a', 8)],
      [...embeddingOf('b', 8)],
    ])
  })
})

describe('@ai-sdk/openai-compatible', () => {
  const provider = () =>
    createOpenAICompatible({
      name: 'aval',
      baseURL: `${contract.gateway.url}/v1`,
      apiKey: contract.gateway.appKey,
      includeUsage: true,
      supportsStructuredOutputs: true,
    })
  const tools: ToolSet = {
    [WEATHER.name]: tool({
      description: WEATHER.description,
      inputSchema: jsonSchema<{ place: string }>(WEATHER.schema),
    }),
  }

  test('chat through a route', async () => {
    const { text, finishReason, usage } = await generateText({
      model: provider()('support'),
      prompt: 'Say hello',
      maxRetries: 0,
    })

    expect([text, finishReason]).toEqual(['from the route', 'stop'])
    expect(usage.outputTokens).toBe(3)
  })

  test('a stream with its usage', async () => {
    const result = streamText({ model: provider()('up/mock?text=word by word'), prompt: 'x', maxRetries: 0 })
    const words: string[] = []
    for await (const part of result.textStream) words.push(part)

    expect(words.join('')).toBe('word by word')
    expect(words.length).toBeGreaterThan(1)
    expect((await result.usage).outputTokens).toBe(3)
  })

  test('tools, streamed and whole', async () => {
    const model = provider()('up/mock?tool_calls=1')
    const whole = await generateText({ model, prompt: 'x', tools, maxRetries: 0 })
    const streamed = streamText({ model, prompt: 'x', tools, maxRetries: 0 })

    expect(whole.toolCalls.map((call) => call.toolName)).toEqual([WEATHER.name])
    expect((await streamed.toolCalls).map((call) => call.input)).toEqual(
      whole.toolCalls.map((call) => call.input),
    )
  })

  test('structured output', async () => {
    const { output } = await generateText({
      model: provider()('up/ai-sdk-json'),
      prompt: 'x',
      output: Output.object({ schema: jsonSchema<{ answer: number }>(ANSWER) }),
      maxRetries: 0,
    })

    expect(output).toEqual({ answer: 42 })
  })

  test('embeddings', async () => {
    const { embeddings } = await embedMany({
      model: provider().embeddingModel('up/mock'),
      values: ['a', 'b'],
      maxRetries: 0,
    })

    expect(embeddings).toEqual([[...embeddingOf('a', 8)], [...embeddingOf('b', 8)]])
  })

  test('a cut stream is an error, not a short answer', async () => {
    const errors: unknown[] = []
    const result = streamText({
      model: provider()('up/ai-sdk-cut?text=a b c d&cut_after=2'),
      prompt: 'x',
      maxRetries: 0,
      onError: ({ error }) => void errors.push(error),
    })
    for await (const _ of result.textStream);

    expect(errors).toHaveLength(1)
  })

  test('an unknown model is an error that names it', async () => {
    const call = generateText({ model: provider()('missing'), prompt: 'x', maxRetries: 0 })

    await expect(call).rejects.toMatchObject({ statusCode: 404 })
    await expect(call).rejects.toThrow('missing')
  })
})

describe('@langchain/openai', () => {
  const chat = (model: string) =>
    new ChatOpenAI({
      model,
      apiKey: contract.gateway.appKey,
      configuration: { baseURL: `${contract.gateway.url}/v1` },
      maxRetries: 0,
    })

  test('chat through a route', async () => {
    const answer = await chat('support').invoke([new HumanMessage('Say hello')])

    expect(answer.content).toBe('from the route')
    expect(answer.usage_metadata?.output_tokens).toBe(3)
  })

  test('a stream', async () => {
    const words: string[] = []
    for await (const chunk of await chat('up/mock?text=word by word').stream('x'))
      words.push(String(chunk.content))

    expect(words.join('')).toBe('word by word')
  })

  test('tools', async () => {
    const bound = chat('up/mock?tool_calls=2').bindTools([
      { type: 'function', function: { name: WEATHER.name, parameters: WEATHER.schema } },
    ])

    const answer = await bound.invoke('x')

    expect(answer.tool_calls?.map((call) => call.name)).toEqual([WEATHER.name, WEATHER.name])
  })

  test('structured output', async () => {
    const model = chat('up/langchain-json').withStructuredOutput(ANSWER, {
      name: 'answer',
      method: 'jsonSchema',
    })

    expect(await model.invoke('x')).toEqual({ answer: 42 })
  })

  test('embeddings', async () => {
    const embeddings = new OpenAIEmbeddings({
      model: 'up/mock',
      apiKey: contract.gateway.appKey,
      configuration: { baseURL: `${contract.gateway.url}/v1` },
      maxRetries: 0,
    })

    expect(await embeddings.embedDocuments(['a', 'b'])).toEqual([
      [...embeddingOf('a', 8)],
      [...embeddingOf('b', 8)],
    ])
  })

  test('a cut stream is an error, not a short answer', async () => {
    const read = async () => {
      for await (const _ of await chat('up/langchain-cut?text=a b c d&cut_after=2').stream('x'));
    }

    await expect(read()).rejects.toThrow()
  })
})

test('whatever the client, every call is on the log', async () => {
  await contract.row(
    (await contract.post('/v1/chat/completions', { model: 'support', messages: hello })).mark,
  )

  expect(await outcomes('support')).toEqual(['completed', 'completed', 'completed', 'completed'])
  expect(await outcomes('up/ai-sdk-cut?text=a b c d&cut_after=2')).toEqual(['upstream_cut'])
  expect(await outcomes('up/langchain-cut?text=a b c d&cut_after=2')).toEqual(['upstream_cut'])
})
