/** Streams on the wire: framing, usage, terminal events, every way a stream can break. */
import type OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Contract, eventsOf, hello, ONE_TRY, startContract } from './support/harness.ts'

let contract: Contract

beforeAll(async () => {
  contract = await startContract({
    settings: (up) => ({
      upstreams: {
        up: { ...up, timeouts: { first_byte: '400ms', idle: '300ms', total: '20s' } },
        patient: up,
        plain: { ...up, stream_usage: false },
      },
      // Cuts are repeated hundreds of times; a breaker that opens would hide what is tested.
      routes: {
        once: { targets: ['patient/mock'], ...ONE_TRY },
        late: { targets: ['up/mock?first_byte_ms=0&stall_after=0'], ...ONE_TRY },
      },
    }),
  })
})
afterAll(() => contract?.close())

const chat = (model: string, more: object = {}) => ({ model, messages: hello, stream: true, ...more })

async function chunksOf(model: string, more: object = {}): Promise<OpenAI.ChatCompletionChunk[]> {
  const stream = await contract
    .client()
    .chat.completions.create(chat(model, more) as OpenAI.ChatCompletionCreateParamsStreaming)
  const chunks: OpenAI.ChatCompletionChunk[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return chunks
}

const textOf = (chunks: OpenAI.ChatCompletionChunk[]) =>
  chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')

describe('a healthy stream', () => {
  test('opens with the role, ends with a finish reason and exactly one [DONE], and is logged as completed', async () => {
    const answer = await contract.post('/v1/chat/completions', chat('patient/mock?text=one two three'))

    const events = eventsOf(answer.text)
    const row = await contract.row(answer.mark)

    expect(answer.status).toBe(200)
    expect(JSON.parse(events[0]!).choices[0].delta.role).toBe('assistant')
    expect(events.filter((data) => data === '[DONE]')).toHaveLength(1)
    expect(events.at(-1)).toBe('[DONE]')
    expect(row).toMatchObject({ outcome: 'completed', status: 200, finish_reason: 'stop', stream: true })
    expect(row.ttft_ms).not.toBeNull()
    expect(row.attempts).toHaveLength(1)
    expect(row.response_body).toBe(answer.text)
  })

  test('says text/event-stream, uncompressed, unbuffered and uncached', async () => {
    const answer = await contract.post('/v1/chat/completions', chat('patient/mock'), {
      headers: { 'accept-encoding': 'gzip, br' },
    })

    expect(answer.headers.get('content-type')).toMatch(/^text\/event-stream/)
    expect(answer.headers.get('content-encoding')).toBeNull()
    expect(answer.headers.get('x-accel-buffering')).toBe('no')
    expect(answer.headers.get('cache-control')).toContain('no-cache')
  })

  test('reaches the caller event by event, not when it is over', async () => {
    const model = 'mock?text=a b c d&stall_after=3'
    const stream = await contract
      .client()
      .chat.completions.create(
        chat(`patient/${model}`) as unknown as OpenAI.ChatCompletionCreateParamsStreaming,
      )

    const received: unknown[] = []
    for await (const chunk of stream) {
      received.push(chunk)
      // The upstream sends nothing after its third event, so only a gateway that forwards at once gets us here.
      if (received.length === 3) break
    }

    expect(received).toHaveLength(3)
    await contract.upstream.when((entry) => entry.model === model && entry.finished === 'aborted')
    expect(await contract.row(contract.lastMark())).toMatchObject({ outcome: 'client_abort', status: 499 })
  })

  test('is byte for byte what the upstream sent when usage was asked for', async () => {
    const direct = await fetch(`${contract.upstream.url}/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${'sk-upstream-0123456789abcdef0123456789abcdef'}` },
      body: JSON.stringify(chat('mock?id=reused', { stream_options: { include_usage: true } })),
    })
    const sent = await direct.text()

    const answer = await contract.post(
      '/v1/chat/completions',
      chat('patient/mock?id=reused', { stream_options: { include_usage: true } }),
    )

    expect(answer.text).toBe(sent)
  })
})

describe('usage of a stream', () => {
  test('arrives as one more chunk without choices when the caller asks for it', async () => {
    const chunks = await chunksOf('patient/mock?text=a b', { stream_options: { include_usage: true } })

    const row = await contract.row(contract.lastMark())

    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 2 } })
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true)
    expect(row).toMatchObject({ output_tokens: 2, input_tokens: chunks.at(-1)?.usage?.prompt_tokens })
  })

  test.each([
    ['nothing is said about it', {}],
    ['it is declined', { stream_options: { include_usage: false } }],
    ['the options are null', { stream_options: null }],
  ])('is taken out again when %s, and still stands in the log', async (_, more) => {
    const chunks = await chunksOf('patient/mock?text=a b c', more)

    const row = await contract.row(contract.lastMark())

    expect(chunks.filter((chunk) => chunk.choices.length === 0)).toEqual([])
    expect(textOf(chunks)).toBe('a b c')
    expect(row).toMatchObject({ output_tokens: 3, outcome: 'completed' })
  })

  test('is not asked of an upstream that refuses stream_options, and is then unknown, not zero', async () => {
    await chunksOf('plain/mock?text=usage unasked')

    const [seen] = contract.upstream.calls('mock?text=usage unasked')
    const row = await contract.row(contract.lastMark())

    expect(seen?.json).not.toHaveProperty('stream_options')
    expect(row).toMatchObject({ outcome: 'completed', input_tokens: null, output_tokens: null })
  })

  test('keeps the caller’s other stream options when usage is asked for on our own behalf', async () => {
    await chunksOf('patient/mock?text=options kept', { stream_options: { include_obfuscation: false } })

    const [seen] = contract.upstream.calls('mock?text=options kept')

    expect(seen?.json?.stream_options).toEqual({ include_obfuscation: false, include_usage: true })
  })
})

describe('framing an upstream may choose', () => {
  const text = 'Olá ☃ 𝄞 und größer'
  const encoded = encodeURIComponent(text)
  const variants = [
    'line_end=crlf',
    'line_end=cr',
    'bom=true',
    'tight=true',
    'comments=true',
    'split=byte',
    'split=utf8',
    'split=one',
    'line_end=crlf&split=byte',
    'line_end=cr&split=byte',
    'line_end=crlf&tight=true&comments=true&bom=true&split=byte',
    'gzip=true',
  ]
  test.each(variants)('%s reads the same through the openai client', async (variant) => {
    const chunks = await chunksOf(`patient/mock?text=${encoded}&${variant}`, {
      stream_options: { include_usage: true },
    })

    const row = await contract.row(contract.lastMark())

    expect(textOf(chunks)).toBe(text)
    expect(row).toMatchObject({ outcome: 'completed', finish_reason: 'stop', output_tokens: 5 })
  })

  test.each(variants)('%s loses its usage chunk cleanly when the caller did not ask', async (variant) => {
    const chunks = await chunksOf(`patient/mock?text=${encoded}&${variant}`)

    expect(textOf(chunks)).toBe(text)
    expect(chunks.filter((chunk) => chunk.choices.length === 0)).toEqual([])
  })

  test('an event whose data stands on several lines, with event and id lines, is one event', async () => {
    const event = [
      ': first a comment',
      'event: message',
      'id: 7',
      'data: {"id":"x","object":"chat.completion.chunk",',
      'data: "choices":[{"index":0,"delta":{"content":"lines"},"finish_reason":"stop"}]}',
      '',
      'data: [DONE]',
      '',
      '',
    ].join('\n')
    contract.upstream.on('several-lines', { body: event, contentType: 'text/event-stream' })

    const answer = await contract.post('/v1/chat/completions', chat('patient/several-lines'))
    const row = await contract.row(answer.mark)

    expect(answer.text).toBe(event)
    expect(row).toMatchObject({ outcome: 'completed', finish_reason: 'stop' })
  })

  test('the content type of a stream may be written in any case', async () => {
    const answer = await contract.post(
      '/v1/chat/completions',
      chat('patient/mock?text=case&content_type=Text/Event-Stream;charset=UTF-8'),
    )

    expect(eventsOf(answer.text).at(-1)).toBe('[DONE]')
  })

  test('an event of one megabyte passes whole', async () => {
    const chunks = await chunksOf('patient/mock?text=big&big_event_bytes=1048576')

    expect(textOf(chunks)).toHaveLength(3 + 1_048_576)
  })

  test('tool arguments of 256 KB pass whole', async () => {
    const chunks = await chunksOf('patient/mock?tool_calls=1&tool_argument_bytes=262144', {
      tools: [{ type: 'function', function: { name: 'big', parameters: {} } }],
    })

    const text = chunks
      .map((chunk) => chunk.choices[0]?.delta.tool_calls?.[0]?.function?.arguments ?? '')
      .join('')
    expect(JSON.parse(text).filler).toHaveLength(262_144)
  })

  test('bytes after [DONE] never reach the caller', async () => {
    contract.upstream.on('ghost-writer', {
      afterDone: 'data: {"choices":[{"index":0,"delta":{"content":"ghost"}}]}\n\n',
    })

    const answer = await contract.post('/v1/chat/completions', chat('patient/ghost-writer'))

    expect(answer.text).not.toContain('"ghost"')
    expect(eventsOf(answer.text).at(-1)).toBe('[DONE]')
  })

  test('an upstream that leaves the connection open after [DONE] does not hold the answer back', async () => {
    // The connection stays silent after the last event for ever; idle is 300 ms on this upstream.
    const whole = eventsOf((await contract.post('/v1/chat/completions', chat('up/mock?text=open end'))).text)
    const model = `mock?text=open end&stall_after=${whole.length + 1}&comments=false`

    const answer = await contract.post('/v1/chat/completions', chat(`up/${model}`))
    const row = await contract.row(answer.mark)

    expect(eventsOf(answer.text).at(-1)).toBe('[DONE]')
    expect(row).toMatchObject({ outcome: 'completed', status: 200, error_code: null })
  })

  test('id: null and ids used twice are passed on as they are', async () => {
    const nulls = await contract.post('/v1/chat/completions', chat('patient/mock?id=null'))
    const reused = await contract.post('/v1/chat/completions', chat('patient/mock?id=reused'))

    expect(JSON.parse(eventsOf(nulls.text)[0]!).id).toBeNull()
    expect(JSON.parse(eventsOf(reused.text)[0]!).id).toBe('chatcmpl-reused')
    expect(nulls.headers.get('x-request-id')).not.toBe(reused.headers.get('x-request-id'))
  })
})

/** What a caller must see of a broken stream: an exception, no [DONE], and an error event as the last one. */
async function expectBroken(model: string): Promise<{ text: string; mark: string }> {
  const answer = await contract.post('/v1/chat/completions', chat(model))
  const events = eventsOf(answer.text)
  expect(events, model).not.toContain('[DONE]')
  if (answer.status === 200) expect(JSON.parse(events.at(-1) ?? '{}'), model).toHaveProperty('error.code')
  else expect(answer.json, model).toHaveProperty('error.code')
  return answer
}

describe('a stream that breaks', () => {
  test('throws in the openai client when it is cut at any byte, and never ends as if it were whole', async () => {
    const whole = [
      'data: {"id":"c","choices":[{"index":0,"delta":{"content":"Olá ☃"}}]}',
      'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}',
      'data: [DONE]\n',
    ].join('\n\n')
    const bytes = Buffer.from(whole)
    const endOfDone = bytes.indexOf('[DONE]') + '[DONE]'.length
    const client = contract.client()
    const quiet: number[] = []
    const marks = new Map<string, number>()

    const cutAt = async (length: number) => {
      // A model name of its own for each cut keeps the circuit breaker out of the experiment.
      const name = `cut-at-${length}`
      contract.upstream.on(name, { body: bytes.subarray(0, length), contentType: 'text/event-stream' })
      const mark = contract.mark()
      marks.set(mark, length)
      let threw = false
      try {
        const stream = await client.chat.completions.create(
          chat(`patient/${name}`) as unknown as OpenAI.ChatCompletionCreateParamsStreaming,
          { headers: { 'x-client-request-id': mark } },
        )
        for await (const _ of stream);
      } catch {
        threw = true
      }
      if (!threw) quiet.push(length)
    }
    const cuts = Array.from({ length: endOfDone }, (_, at) => at)
    for (let at = 0; at < cuts.length; at += 8) await Promise.all(cuts.slice(at, at + 8).map(cutAt))
    await cutAt(endOfDone)
    const last = await contract.row(contract.lastMark())

    expect(quiet).toEqual([endOfDone])
    expect(last.outcome).toBe('completed')
    const rows = (await contract.rows()).filter(
      (row) => (marks.get(row.client_request_id ?? '') ?? endOfDone) < endOfDone,
    )
    expect(rows.filter((row) => !['upstream_cut', 'upstream_error'].includes(row.outcome))).toEqual([])
  })

  test.each(['destroy', 'reset', 'half-close', 'end'])(
    'ends with an error event when the connection is broken by %s, and the log says upstream_cut',
    async (how) => {
      const answer = await expectBroken(`patient/mock-${how}?text=a b c d&cut_after=3&cut_by=${how}`)

      const row = await contract.row(answer.mark)

      expect(row).toMatchObject({ outcome: 'upstream_cut', status: 200, error_code: 'upstream_cut' })
      expect(row.response_body).toBe(answer.text)
      expect(row.attempts).toHaveLength(1)
    },
  )

  test('ends with an error event when only [DONE] is missing: nobody may claim it was whole', async () => {
    const answer = await expectBroken('patient/mock?text=a b&done=false')

    expect(await contract.row(answer.mark)).toMatchObject({ outcome: 'upstream_cut' })
  })

  test('ends with an error event after the idle timeout when it stalls, and the log says timeout', async () => {
    const answer = await expectBroken('up/mock-stall?text=a b c&stall_after=2')

    const row = await contract.row(answer.mark)
    const seen = await contract.upstream.when(
      (entry) => entry.model?.startsWith('mock-stall') === true && entry.finished !== undefined,
    )

    expect(row).toMatchObject({ outcome: 'timeout', error_code: 'upstream_timeout', status: 200 })
    expect(seen.finished).toBe('aborted')
  })

  test('is a plain 504 when it stalls before its first byte', async () => {
    const answer = await contract.post('/v1/chat/completions', chat('late'))

    expect(answer.status).toBe(504)
    expect(answer.json.error).toMatchObject({ code: 'upstream_timeout', type: 'upstream_error' })
    expect(await contract.row(answer.mark)).toMatchObject({ outcome: 'timeout', status: 504 })
  })

  test('turns the upstream’s own error event into ours and keeps its words in the log', async () => {
    const answer = await expectBroken('patient/mock-error-event?text=a b c&error_event_after=2')

    const row = await contract.row(answer.mark)

    expect(answer.text).not.toContain('failed in mid-stream')
    expect(row).toMatchObject({ outcome: 'upstream_error', error_code: 'upstream_unavailable' })
    expect(row.attempts[0]?.detail).toContain('failed in mid-stream')
  })

  test.each([
    ['half an object', 'data: {"choices":[{"index":0,\n\n'],
    ['no JSON', 'data: hello\n\n'],
    ['a list', 'data: [1]\n\n'],
    ['an error as a text', 'data: {"error":"model crashed"}\n\n'],
    ['an error object of another shape', 'data: {"object":"error","message":"model crashed"}\n\n'],
    ['a named error event', 'event: error\ndata: {"message":"model crashed"}\n\n'],
  ])('ends with an error event when an event is %s', async (name, event) => {
    const first = 'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
    const model = `garbage-${name.replaceAll(' ', '-')}`
    contract.upstream.on(model, {
      body: `${first}${event}data: [DONE]\n\n`,
      contentType: 'text/event-stream',
    })

    const answer = await expectBroken(`patient/${model}`)
    const row = await contract.row(answer.mark)

    expect(answer.text).not.toContain('model crashed')
    expect(['upstream_error', 'upstream_cut']).toContain(row.outcome)
    expect(row.attempts.at(-1)?.detail).toBeTruthy()
  })

  test('comes to an end with an error when one event never ends', async () => {
    const answer = await expectBroken(`patient/mock-endless?big_event_bytes=${17 * 1024 * 1024}`)

    expect(await contract.row(answer.mark)).toMatchObject({ outcome: 'upstream_cut' })
  })

  test('reaches the openai client as an APIError with our code', async () => {
    const error = await chunksOf('patient/mock-sdk?text=a b c&cut_after=2').catch((cause: unknown) => cause)

    expect(error).toMatchObject({ code: 'upstream_cut', type: 'upstream_error' })
  })
})

describe('/v1/completions', () => {
  test('streams like chat, with usage stripped and logged', async () => {
    const stream = await contract.client().completions.create({
      model: 'patient/mock?text=old but gold',
      prompt: 'Say it',
      stream: true,
    })
    let text = ''
    let bare = 0
    for await (const chunk of stream) {
      text += chunk.choices[0]?.text ?? ''
      if (chunk.choices.length === 0) bare += 1
    }

    const row = await contract.row(contract.lastMark())

    expect(text).toBe('old but gold')
    expect(bare).toBe(0)
    expect(row).toMatchObject({ operation: 'completions', outcome: 'completed', output_tokens: 3 })
  })

  test('answers whole', async () => {
    const answer = await contract
      .client()
      .completions.create({ model: 'patient/mock?text=whole', prompt: 'Say it' })

    expect(answer.choices[0]?.text).toBe('whole')
    expect(await contract.row(contract.lastMark())).toMatchObject({ finish_reason: 'stop', output_tokens: 1 })
  })
})
