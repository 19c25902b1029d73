/**
 * What an OpenAI-compatible server says: pure builders of JSON answers and stream events for the scripted upstream.
 * Never touches a socket and never keeps state; the answer is a function of request, script and id.
 */
import { embeddingsAnswer, moderationsAnswer, rerankAnswer } from './openai-wire-data.ts'
import { CREATED, type Json, words } from './openai-wire-shared.ts'
import type { Script } from './upstream-script.ts'

/** One answer: a JSON body, or the events of a stream (`name` becomes the `event:` line). */
export interface WireEvent {
  name?: string
  data: Json
}
export type Answer = { kind: 'json'; body: Json } | { kind: 'events'; events: WireEvent[]; done: boolean }

function partsText(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content
    .map((part: Json) => (typeof part.text === 'string' ? part.text : `[${String(part.type)}]`))
    .join('')
}

/** The text a request ends with, whatever its endpoint calls it; what the answer echoes. */
function lastInputText(body: Json): string {
  const list = body.messages ?? body.input ?? body.prompt
  if (typeof list === 'string') return list
  if (!Array.isArray(list)) return ''
  const last: unknown = list.findLast(
    (item: Json | string) => typeof item === 'string' || item?.role === 'user',
  )
  return typeof last === 'string' ? last : partsText((last as Json | undefined)?.content)
}

function answerText(body: Json, script: Script): string {
  if (script.text !== undefined) return script.text
  if (script.tokens !== undefined)
    return Array.from({ length: script.tokens }, (_, i) => `word${i}`).join(' ')
  return script.echo === false ? 'ok' : `echo: ${lastInputText(body)}`
}

function answerId(prefix: string, serial: number, script: Script): string | null {
  if (script.id === 'null') return null
  return script.id === 'reused' ? `${prefix}-reused` : `${prefix}-up${serial}`
}

function inputTokens(body: Json): number {
  return words(JSON.stringify(body.messages ?? body.input ?? body.prompt ?? '')).length
}

function usageOf(body: Json, completionTokens: number): Json {
  const promptTokens = inputTokens(body)
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0 },
  }
}

function toolCallsOf(body: Json, script: Script): Json[] {
  const tools = Array.isArray(body.tools) ? (body.tools as Json[]) : []
  const names = tools.map((tool) => ((tool.function as Json | undefined)?.name ?? tool.name) as string)
  const filler = 'x'.repeat(script.toolArgumentBytes ?? 0)
  return Array.from({ length: script.toolCalls ?? 0 }, (_, index) => ({
    id: `call_${index}`,
    type: 'function',
    function: {
      name: names[index % Math.max(1, names.length)] ?? `tool_${index}`,
      arguments: JSON.stringify({ index, text: lastInputText(body), ...(filler ? { filler } : {}) }),
    },
  }))
}

function logprobsOf(tokens: string[]): Json {
  const content = tokens.map((token) => {
    const entry = { token, logprob: -0.1, bytes: [...Buffer.from(token)] }
    return { ...entry, top_logprobs: [entry] }
  })
  return { content, refusal: null }
}

function finishReasonOf(script: Script): string {
  return script.finishReason ?? (script.toolCalls ? 'tool_calls' : 'stop')
}

/** POST /chat/completions without `stream`. Choice k > 0 says `[k] ` before the text. */
function chatAnswer(body: Json, script: Script, serial: number): Json {
  const text = answerText(body, script)
  const count = typeof body.n === 'number' ? body.n : 1
  const toolCalls = toolCallsOf(body, script)
  const choices = Array.from({ length: count }, (_, index) => {
    const content = index === 0 ? text : `[${index}] ${text}`
    return {
      index,
      message: {
        role: 'assistant',
        content: toolCalls.length > 0 || script.refusal !== undefined ? null : content,
        refusal: script.refusal ?? null,
        ...(script.reasoning === undefined ? {} : { reasoning_content: script.reasoning }),
        ...(toolCalls.length > 0 ? { tool_calls: toolCalls } : {}),
      },
      logprobs: body.logprobs === true ? logprobsOf(words(content)) : null,
      finish_reason: finishReasonOf(script),
    }
  })
  return {
    id: answerId('chatcmpl', serial, script),
    object: 'chat.completion',
    created: CREATED,
    model: body.model,
    choices,
    ...(script.usage === false ? {} : { usage: usageOf(body, words(text).length * count) }),
    service_tier: 'default',
    system_fingerprint: 'fp_upstream',
  }
}

/** The deltas of one choice, before they are interleaved with the other choices'. */
function chatDeltas(body: Json, script: Script, index: number, text: string): Json[] {
  const choice = (delta: Json, rest: Json = {}): Json => ({
    index,
    delta,
    logprobs: null,
    finish_reason: null,
    ...rest,
  })
  const deltas: Json[] = [choice({ role: 'assistant', content: '', refusal: null })]
  for (const word of words(script.reasoning ?? '')) deltas.push(choice({ reasoning_content: word }))
  if (script.refusal !== undefined) {
    for (const word of words(script.refusal)) deltas.push(choice({ refusal: word }))
  } else if (script.toolCalls) {
    const calls = toolCallsOf(body, script)
    const pieces = calls.map(
      (call) => (call.function as { arguments: string }).arguments.match(/.{1,8192}/gs) ?? [],
    )
    calls.forEach((call, at) => {
      const named = { ...(call.function as Json), arguments: '' }
      deltas.push(choice({ tool_calls: [{ index: at, ...call, function: named }] }))
    })
    const longest = Math.max(...pieces.map((list) => list.length))
    for (let at = 0; at < longest * calls.length; at += 1) {
      const piece = pieces[at % calls.length]?.[Math.floor(at / calls.length)]
      if (piece !== undefined) {
        deltas.push(choice({ tool_calls: [{ index: at % calls.length, function: { arguments: piece } }] }))
      }
    }
  } else {
    for (const word of words(text)) {
      deltas.push(choice({ content: word }, body.logprobs === true ? { logprobs: logprobsOf([word]) } : {}))
    }
    if (script.bigEventBytes !== undefined) deltas.push(choice({ content: 'x'.repeat(script.bigEventBytes) }))
  }
  deltas.push(choice({}, { finish_reason: finishReasonOf(script) }))
  return deltas
}

function interleave<T>(lists: T[][]): T[] {
  const longest = Math.max(...lists.map((list) => list.length))
  return Array.from({ length: longest }, (_, at) => lists.flatMap((list) => list.slice(at, at + 1))).flat()
}

/** POST /chat/completions with `stream`: choices interleaved, usage chunk last when asked for. */
function chatEvents(body: Json, script: Script, serial: number): WireEvent[] {
  const text = answerText(body, script)
  const count = typeof body.n === 'number' ? body.n : 1
  const wantsUsage = (body.stream_options as Json | undefined)?.include_usage === true
  const sendsUsage = wantsUsage && script.usage !== false
  const head = {
    id: answerId('chatcmpl', serial, script),
    object: 'chat.completion.chunk',
    created: CREATED,
    model: body.model,
    service_tier: 'default',
    system_fingerprint: 'fp_upstream',
  }
  const perChoice = Array.from({ length: count }, (_, index) =>
    chatDeltas(body, script, index, index === 0 ? text : `[${index}] ${text}`),
  )
  const events = interleave(perChoice).map((choice) => ({
    data: { ...head, choices: [choice], ...(sendsUsage ? { usage: null } : {}) } as Json,
  }))
  if (sendsUsage) {
    events.push({ data: { ...head, choices: [], usage: usageOf(body, words(text).length * count) } })
  }
  return events
}

/** POST /completions, both shapes. */
function completionAnswer(body: Json, script: Script, serial: number): Answer {
  const text = answerText(body, script)
  const head = {
    id: answerId('cmpl', serial, script),
    object: 'text_completion',
    created: CREATED,
    model: body.model,
  }
  const usage = script.usage === false ? {} : { usage: usageOf(body, words(text).length) }
  if (body.stream !== true) {
    const choices = [{ index: 0, text, logprobs: null, finish_reason: finishReasonOf(script) }]
    return { kind: 'json', body: { ...head, choices, ...usage } }
  }
  const events: WireEvent[] = words(text).map((word) => ({
    data: { ...head, choices: [{ index: 0, text: word, logprobs: null, finish_reason: null }] },
  }))
  events.push({
    data: {
      ...head,
      choices: [{ index: 0, text: '', logprobs: null, finish_reason: finishReasonOf(script) }],
    },
  })
  const wantsUsage = (body.stream_options as Json | undefined)?.include_usage === true
  if (wantsUsage && script.usage !== false) events.push({ data: { ...head, choices: [], ...usage } })
  return { kind: 'events', events, done: true }
}

/** POST /responses without `stream`. */
function responsesAnswer(body: Json, script: Script, serial: number, status = 'completed'): Json {
  const text = answerText(body, script)
  const inputTokenCount = inputTokens(body)
  const outputTokens = words(text).length
  const message = {
    id: `msg_up${serial}`,
    type: 'message',
    status,
    role: 'assistant',
    content: [{ type: 'output_text', text, annotations: [], logprobs: [] }],
  }
  const calls = toolCallsOf(body, script).map((call, index) => ({
    id: `fc_${index}`,
    type: 'function_call',
    status,
    call_id: call.id,
    ...(call.function as Json),
  }))
  return {
    id: answerId('resp', serial, script),
    object: 'response',
    created_at: CREATED,
    status,
    error: null,
    incomplete_details: null,
    model: body.model,
    output: status === 'in_progress' ? [] : calls.length > 0 ? calls : [message],
    parallel_tool_calls: true,
    tool_choice: body.tool_choice ?? 'auto',
    tools: body.tools ?? [],
    usage:
      status === 'in_progress' || script.usage === false
        ? null
        : {
            input_tokens: inputTokenCount,
            input_tokens_details: { cached_tokens: 0 },
            output_tokens: outputTokens,
            output_tokens_details: { reasoning_tokens: 0 },
            total_tokens: inputTokenCount + outputTokens,
          },
  }
}

/** POST /responses with `stream`: the named events of one text message, numbered. */
function responsesEvents(body: Json, script: Script, serial: number): WireEvent[] {
  const finished = responsesAnswer(body, script, serial)
  const opening = responsesAnswer(body, script, serial, 'in_progress')
  const item = (finished.output as Json[])[0] as Json
  const text = answerText(body, script)
  const at = { item_id: item.id, output_index: 0, content_index: 0 }
  const part = { type: 'output_text', text: '', annotations: [], logprobs: [] }
  const steps: [string, Json][] = [
    ['response.created', { response: opening }],
    ['response.in_progress', { response: opening }],
  ]
  if (item.type === 'function_call') {
    ;(finished.output as Json[]).forEach((call, index) => {
      const spot = { item_id: call.id, output_index: index }
      steps.push([
        'response.output_item.added',
        { output_index: index, item: { ...call, arguments: '', status: 'in_progress' } },
      ])
      steps.push(['response.function_call_arguments.delta', { ...spot, delta: call.arguments }])
      steps.push([
        'response.function_call_arguments.done',
        { ...spot, name: call.name, arguments: call.arguments },
      ])
      steps.push(['response.output_item.done', { output_index: index, item: call }])
    })
  } else {
    steps.push([
      'response.output_item.added',
      { output_index: 0, item: { ...item, status: 'in_progress', content: [] } },
    ])
    steps.push(['response.content_part.added', { ...at, part }])
    for (const delta of words(text))
      steps.push(['response.output_text.delta', { ...at, delta, logprobs: [] }])
    steps.push(['response.output_text.done', { ...at, text, logprobs: [] }])
    steps.push(['response.content_part.done', { ...at, part: { ...part, text } }])
    steps.push(['response.output_item.done', { output_index: 0, item }])
  }
  steps.push(['response.completed', { response: finished }])
  return steps.map(([name, data], index) => ({ name, data: { type: name, sequence_number: index, ...data } }))
}

/** The error object of the wire. */
export function errorAnswer(status: number, message: string, code: string | null = null): Json {
  const type = status === 429 ? 'rate_limit_error' : status < 500 ? 'invalid_request_error' : 'server_error'
  return { error: { message, type, param: null, code } }
}

/** The answer of a healthy server to one request, or undefined for a path it does not know. */
export function answerTo(path: string, body: Json, script: Script, serial: number): Answer | undefined {
  const json = (answer: Json): Answer => ({ kind: 'json', body: answer })
  const streams = body.stream === true
  if (path.endsWith('/chat/completions')) {
    if (!streams) return json(chatAnswer(body, script, serial))
    return { kind: 'events', events: chatEvents(body, script, serial), done: true }
  }
  if (path.endsWith('/completions')) return completionAnswer(body, script, serial)
  if (path.endsWith('/embeddings')) return json(embeddingsAnswer(body))
  if (path.endsWith('/responses')) {
    if (!streams) return json(responsesAnswer(body, script, serial))
    return { kind: 'events', events: responsesEvents(body, script, serial), done: false }
  }
  if (path.endsWith('/moderations')) return json(moderationsAnswer(body, serial))
  if (path.endsWith('/rerank')) return json(rerankAnswer(body, serial))
  return undefined
}
