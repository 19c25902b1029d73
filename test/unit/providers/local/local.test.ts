import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { createLocalProvider, type LocalEvent } from '../../../../src/providers/local/local.ts'
import { ask, chunksOf, start } from './call.ts'

const shipped = join(import.meta.dirname, '../../../../models')
const own = await mkdtemp(join(tmpdir(), 'aval-models-'))
const events: LocalEvent[] = []
const local = createLocalProvider({
  folders: [shipped],
  hub: { enabled: false, cacheFolder: own },
  onEvent: (event) => events.push(event),
})
afterAll(() => local.close())

type Embeddings = {
  data: { embedding: number[] | string; index: number }[]
  usage: { prompt_tokens: number }
}
async function embed(input: string | string[] | number[], more = {}): Promise<Embeddings> {
  const heard = await ask(local, 'embeddings', 'embed', { input, ...more })
  if (heard.error !== null) throw heard.error
  return JSON.parse(heard.text) as Embeddings
}
function vectorOf(answer: Embeddings, at = 0): number[] {
  return answer.data[at]?.embedding as number[]
}
const norm = (vector: number[]) => Math.hypot(...vector)
async function read(content: string, more = {}): Promise<string> {
  const heard = await ask(local, 'chat', 'reader', { messages: [{ role: 'user', content }], ...more })
  if (heard.error !== null) throw heard.error
  return JSON.parse(heard.text).choices[0].message.content
}

describe('embeddings', () => {
  test('a text gives 256 numbers of length 1, with its tokens counted', async () => {
    const answer = await embed('How do I reset my password?')

    expect(vectorOf(answer)).toHaveLength(256)
    expect(norm(vectorOf(answer))).toBeCloseTo(1, 5)
    expect(answer.usage.prompt_tokens).toBe(9)
  })

  test('a text has the same vector alone and in a batch of 2,048, in the order it was sent', async () => {
    const texts = Array.from({ length: 2048 }, (_, at) => `text ${at} ${'word '.repeat(at % 17)}`)

    const batch = await embed(texts)
    const alone = await embed(texts[1234] ?? '')

    expect(batch.data.map(({ index }) => index)).toEqual(texts.map((_, at) => at))
    vectorOf(batch, 1234).forEach((value, at) => {
      expect(value).toBeCloseTo(vectorOf(alone)[at] ?? 9, 5)
    })
  })

  test('base64 holds the same little-endian float32 numbers', async () => {
    const floats = vectorOf(await embed('hello'))
    const encoded = await embed('hello', { encoding_format: 'base64' })

    const bytes = Buffer.from(encoded.data[0]?.embedding as string, 'base64')

    expect(floats.map((_, at) => bytes.readFloatLE(at * 4))).toEqual(floats)
  })

  test('fewer dimensions are the first ones, scaled to length 1 again', async () => {
    const whole = vectorOf(await embed('hello'))
    const short = vectorOf(await embed('hello', { dimensions: 128 }))

    const scale = norm(whole.slice(0, 128))

    expect(short).toHaveLength(128)
    expect(norm(short)).toBeCloseTo(1, 5)
    expect(short[3]).toBeCloseTo((whole[3] ?? 0) / scale, 5)
  })

  test('token ids of the model itself give the vector of the text they spell', async () => {
    const fromIds = await embed([7592, 2088])
    const fromText = await embed('hello world')

    expect(vectorOf(fromIds)).toEqual(vectorOf(fromText))
  })

  test('empty, emoji and Chinese texts have finite vectors of length 1', async () => {
    const answer = await embed(['', '☃️🧑‍🚀', '你好，世界', '\u0000\ud83d'])

    for (const at of [0, 1, 2, 3]) expect(norm(vectorOf(answer, at))).toBeCloseTo(1, 4)
  })

  test.each([
    [{}, 'missing_required_parameter', 'input'],
    [{ input: [] }, 'invalid_value', 'input'],
    [{ input: ['a', 3.5] }, 'invalid_type', 'input.1'],
    [{ input: Array(2049).fill('a') }, 'invalid_value', 'input'],
    [{ input: 'a', dimensions: 257 }, 'invalid_value', 'dimensions'],
    [{ input: 'a', encoding_format: 'hex' }, 'invalid_value', 'encoding_format'],
    [{ input: ['a', 'word '.repeat(200_000)] }, 'context_length_exceeded', 'input.1'],
  ])('a mistaken request %# is refused as 400 naming the field', async (parsed, code, param) => {
    const { error, events: order } = await ask(local, 'embeddings', 'embed', parsed)

    expect(order).toEqual(['error'])
    expect(error).toMatchObject({ code, param, status: 400, retryable: false })
  })
})

test('rerank puts the document that fits first and says that cosine made the score', async () => {
  const request = {
    query: 'return shoes',
    documents: ['hats are blue', { text: 'shoes can be returned' }],
    top_n: 1,
  }

  const heard = await ask(local, 'rerank', 'embed', request)

  const body = JSON.parse(heard.text)
  expect(body).toMatchObject({ method: 'embedding_cosine', results: [{ index: 1 }] })
  expect(body.results).toHaveLength(1)
})

describe('reader', () => {
  const sources = '[1] Hats are blue.\n[2] Shoes may be returned within 30 days. Keep the receipt.'

  test('quotes the sentence that answers, word for word, with its number', async () => {
    expect(await read(`${sources}\n\nWithin how many days can I return shoes?`)).toBe(
      '“Shoes may be returned within 30 days.” [2]',
    )
  })

  test('abstains in one fixed sentence when the text does not answer', async () => {
    const answer = await read(`${sources}\n\nWho wrote the opera about the Belgian revolution?`)

    expect(answer).toMatch(/^The text given does not seem to answer that/)
  })

  test('explains what it needs when a message holds no text', async () => {
    expect(await read('Say hello')).toMatch(/^I can only quote from text you give me/)
  })

  test('gives the same answer every time', async () => {
    const question = `${sources}\n\nCan I return shoes?`

    expect(await read(question)).toBe(await read(question))
  })

  test('quotes from a megabyte of text', async () => {
    const filler = 'The committee met again and nothing of note was decided on that day. '.repeat(14_500)

    const answer = await read(
      `[1] ${filler}\n[7] Shoes may be returned within 30 days.\n\nCan shoes be returned?`,
    )

    expect(answer).toContain('“Shoes may be returned within 30 days.” [7]')
  })

  test('streams role, text, finish and usage, then [DONE]', async () => {
    const messages = [{ role: 'user', content: `${sources}\n\nCan I return shoes?` }]

    const heard = await ask(local, 'chat', 'reader', { messages }, { stream: true, includeUsage: true })

    const chunks = chunksOf(heard)
    expect(heard.contentType).toContain('text/event-stream')
    expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant')
    expect(chunks[1]?.choices[0]?.delta.content).toContain('[2]')
    expect(chunks[2]?.choices[0]?.finish_reason).toBe('stop')
    expect(chunks[3]).toMatchObject({ choices: [], usage: { total_tokens: expect.any(Number) } })
    expect(heard.text.endsWith('data: [DONE]\n\n')).toBe(true)
  })

  test.each([
    ['tools', [{ type: 'function' }]],
    ['response_format', { type: 'json_object' }],
    ['logprobs', true],
    ['n', 2],
  ])('%s is refused by name', async (name, value) => {
    const request = { messages: [{ role: 'user', content: 'hi' }], [name]: value }

    const { error } = await ask(local, 'chat', 'reader', request)

    expect(error).toMatchObject({ code: 'unsupported_parameter', param: name, status: 400, retryable: false })
  })
})

describe('names', () => {
  test.each(['../secrets', '..', 'a/../../etc', '/etc', 'a/b/c', '.', 'a\\..\\b', 'static-minilm/..', ''])(
    '%j cannot leave the folder',
    async (name) => {
      const { error } = await ask(local, 'embeddings', name, { input: 'a' })

      expect(error).toMatchObject({ code: 'model_not_found', status: 404 })
    },
  )

  test('a link that leads out of the folder is not a model', async () => {
    await symlink(join(shipped, 'static-minilm'), join(own, 'outside'))

    const { error } = await ask(local, 'embeddings', 'outside', { input: 'a' })

    expect(error).toMatchObject({ code: 'local_model_missing' })
  })

  test('a model that is not there names the folder to fill and the command', async () => {
    const { error } = await ask(local, 'chat', 'org/name', { messages: [] })

    expect(error?.message).toContain(own)
    expect(error?.message).toContain('aval models pull org/name')
    expect(error).toMatchObject({ code: 'local_model_missing', status: 503 })
  })

  test('a folder whose graph is broken fails the call and not the process', async () => {
    await mkdir(join(own, 'broken/onnx'), { recursive: true })
    await writeFile(
      join(own, 'broken/config.json'),
      '{"architectures":["BertModel"],"model_type":"bert","hidden_size":4}',
    )
    await writeFile(join(own, 'broken/tokenizer.json'), '{}')
    await writeFile(join(own, 'broken/onnx/model.onnx'), 'no graph')

    const { error } = await ask(local, 'embeddings', 'broken', { input: 'a' })

    expect(error).toMatchObject({ code: 'local_model_missing', retryable: true })
  })

  test('the list shows the reader, the embedding and their folder; a shipped model is never removed', async () => {
    const models = await local.listLocalModels()

    expect(models.slice(0, 2).map(({ name, task }) => [name, task])).toEqual([
      ['reader', 'reader'],
      ['embed', 'embedding'],
    ])
    await expect(local.removeModel('static-minilm')).rejects.toMatchObject({ code: 'not_found' })
  })
})

test('a chat with an embedding model says what that model serves', async () => {
  const { error } = await ask(local, 'chat', 'embed', { messages: [{ role: 'user', content: 'hi' }] })

  expect(error).toMatchObject({ code: 'unsupported_operation', param: 'model' })
})

test('after an abort nothing is reported, and the next call is served', async () => {
  const { handle, heard } = start(local, 'embeddings', 'embed', {
    input: Array(2048).fill('some words to embed'),
  })

  handle.abort()
  await embed('next')

  expect(heard.events).toEqual([])
})

test('a call that takes longer than its total timeout fails as a timeout', async () => {
  const { error } = await ask(
    local,
    'embeddings',
    'embed',
    { input: Array(2048).fill('word '.repeat(100)) },
    { timeouts: { totalMs: 1 } },
  )

  expect(error).toMatchObject({ code: 'upstream_timeout', status: 504 })
})

test('nothing is delivered while a call is paused, and everything after', async () => {
  const messages = [{ role: 'user', content: '[1] Shoes may be returned.\n\nCan shoes be returned?' }]
  let seen = 0

  const call = start(
    local,
    'chat',
    'reader',
    { messages },
    {
      stream: true,
      onChunk(handle, heard) {
        if (heard.events.length !== 2) return
        handle.pause()
        setTimeout(() => {
          seen = heard.events.length
          handle.resume()
        }, 100)
      },
    },
  )
  const heard = await call.ended

  expect(seen).toBe(2)
  expect(heard.text.endsWith('data: [DONE]\n\n')).toBe(true)
})

test('loading is reported with the size, from 0 to 100 percent, once', async () => {
  await embed('warm')

  const loads = events.filter((event) => event.type === 'load' && event.name === 'static-minilm')

  expect(loads).toMatchObject([{ percent: 0, bytes: expect.any(Number) }, { percent: 100 }])
})

const outside = process.env.AVAL_TEST_MODELS
describe.skipIf(outside === undefined)(
  'models of AVAL_TEST_MODELS (skipped: the variable names no folder)',
  () => {
    const big = createLocalProvider({
      folders: [shipped, outside ?? ''],
      hub: { enabled: false, cacheFolder: own },
    })
    afterAll(() => big.close())
    const hello = [{ role: 'user', content: 'What is the capital of France?' }]

    test('SmolLM2 answers token by token', async () => {
      const heard = await ask(
        big,
        'chat',
        'SmolLM2-135M-Instruct',
        { messages: hello, max_tokens: 30 },
        { stream: true },
      )

      const text = chunksOf(heard)
        .map(({ choices }) => choices[0]?.delta.content ?? '')
        .join('')
      expect(text).toContain('Paris')
      expect(heard.events.filter((event) => event === 'data').length).toBeGreaterThan(5)
    })

    test('SmolLM2 stops at a stop string and at a limit, and a seed repeats', async () => {
      const request = { messages: hello, max_tokens: 12, temperature: 1, seed: 5 }
      const once = JSON.parse((await ask(big, 'chat', 'SmolLM2-135M-Instruct', request)).text)
      const twice = JSON.parse((await ask(big, 'chat', 'SmolLM2-135M-Instruct', request)).text)
      const cut = JSON.parse(
        (await ask(big, 'chat', 'SmolLM2-135M-Instruct', { messages: hello, stop: ' of' })).text,
      )
      const limited = JSON.parse(
        (await ask(big, 'chat', 'SmolLM2-135M-Instruct', { messages: hello, max_tokens: 2 })).text,
      )

      expect(once.choices[0].message.content).toBe(twice.choices[0].message.content)
      expect(cut.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 'The capital' } })
      expect(limited).toMatchObject({
        choices: [{ finish_reason: 'length' }],
        usage: { completion_tokens: 2 },
      })
    })

    test('an aborted generation frees its worker', async () => {
      const first = start(
        big,
        'chat',
        'SmolLM2-135M-Instruct',
        { messages: hello, max_tokens: 1000, stop: ['\u0001'] },
        {
          stream: true,
          onChunk: (handle) => handle.abort(),
        },
      )
      const next = await ask(big, 'chat', 'SmolLM2-135M-Instruct', { messages: hello, max_tokens: 2 })

      expect(next.error).toBeNull()
      expect(first.heard.events).not.toContain('end')
    })

    test('MiniLM gives 384 dimensions and refuses fewer', async () => {
      const heard = await ask(big, 'embeddings', 'all-MiniLM-L6-v2', { input: 'hello' })
      const { error } = await ask(big, 'embeddings', 'all-MiniLM-L6-v2', { input: 'hello', dimensions: 100 })

      expect(JSON.parse(heard.text).data[0].embedding).toHaveLength(384)
      expect(error).toMatchObject({ code: 'unsupported_parameter', param: 'dimensions' })
    })
  },
)
