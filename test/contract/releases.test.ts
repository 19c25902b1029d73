/** Releases as apps call them: what goes upstream, what comes back, what the log says, and that it can be made again. */
import type OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callAdmin } from './support/admin.ts'
import { type Contract, startContract } from './support/harness.ts'

const PROMPT = `
description: Answers from what was found.
variables:
  type: object
  required: [question]
  properties: { question: { type: string, maxLength: 100 } }
messages:
  - role: system
    content: |
      Answer from the sources.
      {{#contexts}}[{{number}}] {{text}}
      {{/contexts}}
  - "{{messages}}"
  - role: user
    content: "{{question}}"
parameters: { temperature: 0 }
`
const CHAT = '/v1/chat/completions'

let contract: Contract

const admin = (method: string, path: string, body?: object) => callAdmin(contract.gateway, method, path, body)

beforeAll(async () => {
  contract = await startContract({ settings: (up) => ({ upstreams: { up } }) })
  await admin('POST', '/prompts', { name: 'answer', content: PROMPT })
  await admin('POST', '/model-versions', {
    name: 'small',
    upstream: 'up',
    model: 'small-1',
    parameters: { max_tokens: 64 },
  })
  await admin('POST', '/model-versions', { name: 'large', upstream: 'up', model: 'large-1' })
  await admin('POST', '/prices', {
    upstream: 'up',
    model: 'small-1',
    input: '1',
    cached_input: '0.5',
    output: '2',
    source: 'a contract',
    valid_from: '2020-01-01T00:00:00Z',
  })
  await admin('POST', '/releases', { route: 'answer', prompt: 'answer@1', models: [{ model: 'small@1' }] })
  await admin('POST', '/releases', {
    route: 'answer',
    models: [{ model: 'large@1' }],
    parameters: { seed: 7 },
  })
  await admin('POST', '/releases', { route: 'plain', models: [{ model: 'large' }] })
  await admin('PUT', '/labels/answer/production', { release: 'r1', reason: 'first' })
  await admin('PUT', '/labels/answer/staging', { release: 'r2', reason: 'to try' })
  await admin('PUT', '/labels/plain/production', { release: 'r1', reason: 'first' })
})
afterAll(() => contract?.close())

function sentTo(model: string): Record<string, unknown> {
  const entry = contract.upstream.journal.findLast(({ body }) => JSON.parse(body.toString()).model === model)
  if (entry === undefined) throw new Error(`Nothing reached ${model}.`)
  return JSON.parse(entry.body.toString()) as Record<string, unknown>
}

const asked = (question: unknown, more: object = {}) => ({
  model: 'answer',
  prompt: { variables: { question, contexts: [{ number: 1, text: 'Shoes may go back.' }] } },
  ...more,
})

describe('a route with a release', () => {
  test('renders its prompt, decides its parameters, and names itself in the answer and on the log', async () => {
    const answer = await contract.post(CHAT, asked('May I?', { temperature: 1.5, top_p: 0.5 }))

    expect(answer.status).toBe(200)
    expect(sentTo('small-1')).toEqual({
      model: 'small-1',
      top_p: 0.5,
      messages: [
        { role: 'system', content: 'Answer from the sources.\n[1] Shoes may go back.\n' },
        { role: 'user', content: 'May I?' },
      ],
      temperature: 0,
      max_tokens: 64,
    })
    expect(answer.headers.get('x-aval-release')).toBe('answer@r1')
    expect(answer.headers.get('x-aval-prompt')).toBe('answer@1')
    expect(answer.headers.get('x-aval-model')).toBe('up/small-1')
    expect(await contract.row(answer.mark)).toMatchObject({
      route: 'answer',
      requested_model: 'answer',
      release_id: expect.stringMatching(/^rel_/),
      prompt: 'answer@1',
      attempts: [expect.objectContaining({ model_version: 'small@1' })],
    })
  })

  test('says what an answer cost, on the wire and on the log', async () => {
    const answer = await contract.post(CHAT, asked('What does it cost?'))
    const usage = answer.json.usage as { prompt_tokens: number; completion_tokens: number }
    const micro = usage.prompt_tokens + 2 * usage.completion_tokens

    const row = await contract.row(answer.mark)
    expect(row).toMatchObject({ cost_micro_usd: micro, price: expect.stringMatching(/^price_/) })
    expect(Number(answer.headers.get('x-aval-cost-usd'))).toBeCloseTo(micro / 1e6, 9)
  })

  test('without a price has an unknown cost, not 0', async () => {
    const answer = await contract.post(CHAT, asked('And now?', { model: 'answer@staging' }))

    expect(answer.headers.get('x-aval-cost-usd')).toBeNull()
    expect(await contract.row(answer.mark)).toMatchObject({ cost_micro_usd: null, price: null })
  })

  test.each([
    ['answer@staging', 'answer@r2'],
    ['answer@r1', 'answer@r1'],
    ['answer@r2', 'answer@r2'],
    ['answer@production', 'answer@r1'],
  ])('%s is served by %s', async (model, release) => {
    const answer = await contract.post(CHAT, asked('Which?', { model }))

    expect([answer.status, answer.headers.get('x-aval-release')]).toEqual([200, release])
  })

  test.each(['answer@nothing', 'answer@r9', 'nothing@r1', 'answer@'])('%s is no model', async (model) => {
    const answer = await contract.post(CHAT, asked('Which?', { model }))

    expect([answer.status, answer.json.error.code]).toEqual([404, 'model_not_found'])
  })

  test('takes the caller’s own messages where the prompt has a place for them', async () => {
    await contract.post(
      CHAT,
      asked('And then?', { messages: [{ role: 'assistant', content: 'Before that…' }] }),
    )

    expect(sentTo('small-1').messages).toEqual([
      expect.objectContaining({ role: 'system' }),
      { role: 'assistant', content: 'Before that…' },
      { role: 'user', content: 'And then?' },
    ])
  })

  test('takes variables from a header, for clients that cannot send the prompt object', async () => {
    const body = { model: 'answer', messages: [] }
    const headers = { 'x-aval-variables': JSON.stringify({ question: 'By header?' }) }
    const answer = await contract.post(CHAT, { ...body, prompt: undefined }, { headers })

    expect(answer.status).toBe(200)
    expect(sentTo('small-1').messages).toContainEqual({ role: 'user', content: 'By header?' })
  })

  test('streams like any other', async () => {
    const stream = await contract.client().chat.completions.create({
      model: 'answer',
      messages: [],
      stream: true,
      ...({ prompt: { variables: { question: 'Bit by bit?' } } } as object),
    } as OpenAI.ChatCompletionCreateParamsStreaming)
    let text = ''
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''

    expect(text.length).toBeGreaterThan(0)
    expect(sentTo('small-1')).toMatchObject({ stream: true, temperature: 0 })
  })

  test('evaluates nothing that a variable holds', async () => {
    const evil = '{{question}} {{#contexts}}x{{/contexts}} <b>&"</b> #{7*7} <%= 7 %> {{{constructor}}}'
    await contract.post(CHAT, asked(evil))

    expect(sentTo('small-1').messages).toContainEqual({ role: 'user', content: evil })
  })

  test.each([
    ['missing', { prompt: { variables: {} } }, '/question'],
    ['of another kind', { prompt: { variables: { question: 7 } } }, '/question'],
    ['too long', { prompt: { variables: { question: 'x'.repeat(101) } } }, '/question'],
    ['left out altogether', { prompt: {} }, '/question'],
  ])('a variable that is %s is a 422 with its pointer', async (_name, more, param) => {
    const answer = await contract.post(CHAT, { model: 'answer', ...more })

    expect([answer.status, answer.json.error.code, answer.json.error.param]).toEqual([
      422,
      'invalid_variables',
      param,
    ])
    expect(await contract.row(answer.mark)).toMatchObject({ outcome: 'rejected', status: 422, attempts: [] })
  })

  test.each([
    [{ id: 'other', variables: { question: 'x' } }, 'prompt.id'],
    [{ version: '9', variables: { question: 'x' } }, 'prompt.version'],
  ])('another prompt than it pins is refused: %j', async (prompt, param) => {
    const answer = await contract.post(CHAT, { model: 'answer', prompt })

    expect([answer.status, answer.json.error.param]).toEqual([400, param])
  })

  test('without a prompt passes the caller’s bytes on, but for the model', async () => {
    const body = '{"model" : "plain","messages":[{"role":"user","content":"h\\u00e9"}], "x":1e2}'
    const answer = await contract.post(CHAT, body)
    const entry = contract.upstream.journal.at(-1)

    expect(answer.headers.get('x-aval-release')).toBe('plain@r1')
    expect(entry?.body.toString()).toBe(body.replace('"plain"', '"large-1"'))
  })

  test('stands in the list of models', async () => {
    const { data } = await contract.client().models.list()

    expect(data.map(({ id }) => id)).toEqual(expect.arrayContaining(['answer', 'plain']))
  })
})

test.each([
  ['of a release with a prompt', asked('Again?')],
  ['with default parameters of its model', asked('Again?', { model: 'answer@r1', top_p: 0.25 })],
  ['of a release without a prompt', { model: 'plain', messages: [{ role: 'user', content: 'hi' }] }],
])('a logged request %s is made again byte for byte', async (_name, body) => {
  const answer = await contract.post(CHAT, body)
  const { id } = await contract.row(answer.mark)

  expect(await admin('GET', `/requests/${id}/rebuild`)).toMatchObject({ state: 'equal', reason: null })
})

test('a request by header is made again too: the log keeps what it meant', async () => {
  const headers = { 'x-aval-variables': JSON.stringify({ question: 'Again?' }) }
  const answer = await contract.post(CHAT, { model: 'answer', messages: [] }, { headers })
  const { id } = await contract.row(answer.mark)

  expect(await admin('GET', `/requests/${id}/rebuild`)).toMatchObject({ state: 'equal' })
})
