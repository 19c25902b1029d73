/** `aval chat "…"`: one question through /v1, for trying things. The answer goes to stdout, everything else to stderr. */

import type { Command } from 'commander'
import { printable, printableLine } from '../../lib/printable.ts'
import { SseParser } from '../../lib/sse.ts'
import { describeError, readError } from '../client.ts'
import { type CliContext, withExamples, withJson, writeJson } from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { formatDuration } from '../format.ts'
import { colorsOf } from '../terminal.ts'

type Options = { model: string; system?: string; var?: string[]; stream: boolean; json?: boolean }
type Usage = { prompt_tokens?: number; completion_tokens?: number } | null | undefined
type Completion = {
  model?: string
  choices?: { message?: { content?: string | null }; delta?: { content?: string | null } }[]
  usage?: Usage
}
type Answer = { text: string; model: string | null; usage: Usage; firstTokenMs: number | null }

const ANSWER_TIMEOUT_MS = 10 * 60_000
const EVENT_MAX_BYTES = 8 * 1024 ** 2

export function addChatCommand(program: Command, context: CliContext): void {
  withExamples(
    withJson(
      program
        .command('chat')
        .argument('[question]', 'what to ask; a route whose prompt asks by itself needs none')
        .description('ask one question and print the answer as it comes')
        .option('--model <model>', 'a route, or upstream/model', 'local/reader')
        .option('--system <text>', 'a system message')
        .option('--var <name=value...>', 'a variable of the route’s prompt')
        .option('--no-stream', 'wait for the whole answer'),
    ),
    'aval chat "Say hello" --model openai/gpt-4o-mini',
    'aval chat "Can I return shoes?" --system "Shoes may be returned within 30 days."',
    'aval chat --model support-answer --var question="Can I return shoes?"',
  ).action(context.run((question: string | undefined, options: Options) => chat(context, question, options)))
}

async function chat(context: CliContext, question: string | undefined, options: Options): Promise<undefined> {
  const startedMs = context.nowMs()
  const streamed = options.stream && options.json !== true
  const messages = [
    ...(options.system === undefined ? [] : [{ role: 'system', content: options.system }]),
    ...(question === undefined ? [] : [{ role: 'user', content: question }]),
  ]
  if (messages.length === 0 && options.var === undefined) {
    throw new CliError(EXIT.usage, 'There is nothing to ask. Write a question, or --var name=value.')
  }
  const reply = await context.client.open(
    {
      method: 'POST',
      path: '/v1/chat/completions',
      body: {
        model: options.model,
        messages,
        ...(options.var !== undefined && {
          prompt: { variables: Object.fromEntries(options.var.map(variable)) },
        }),
        stream: streamed,
        ...(streamed && { stream_options: { include_usage: true } }),
      },
    },
    AbortSignal.timeout(ANSWER_TIMEOUT_MS),
  )
  const requestId = reply.headers.get('x-request-id')
  const isStream = reply.headers.get('content-type')?.startsWith('text/event-stream') === true
  const answer = isStream
    ? await readStream(context, reply, requestId, startedMs)
    : readWhole((await reply.json()) as Completion)
  const model = reply.headers.get('x-aval-model') ?? answer.model
  const tookMs = context.nowMs() - startedMs
  if (options.json) {
    const { text, usage } = answer
    writeJson(context, {
      answer: text,
      model,
      request_id: requestId,
      usage: usage ?? null,
      duration_ms: tookMs,
    })
    return undefined
  }
  if (!isStream) context.terminal.write(printable(answer.text))
  if (!answer.text.endsWith('\n')) context.terminal.write('\n')
  writeSummary(context, { ...answer, model, requestId, tookMs })
  return undefined
}

/** `contexts=[…]` and the like may be JSON; anything that is none is a text. */
function variable(text: string): [string, unknown] {
  const at = text.indexOf('=')
  if (at < 1) throw new CliError(EXIT.usage, `"${text.slice(0, 60)}" is not name=value.`)
  const value = text.slice(at + 1)
  if (!/^[[{]/.test(value)) return [text.slice(0, at), value]
  try {
    return [text.slice(0, at), JSON.parse(value)]
  } catch {
    return [text.slice(0, at), value]
  }
}

function readWhole(completion: Completion): Answer {
  return {
    text: completion.choices?.[0]?.message?.content ?? '',
    model: completion.model ?? null,
    usage: completion.usage,
    firstTokenMs: null,
  }
}

/** Prints tokens as they come. Throws CliError for an error event, and for a stream that stops without its end. */
async function readStream(
  context: CliContext,
  reply: Response,
  requestId: string | null,
  startedMs: number,
): Promise<Answer> {
  const answer: Answer = { text: '', model: null, usage: null, firstTokenMs: null }
  const parser = new SseParser(EVENT_MAX_BYTES)
  let done = false
  for await (const chunk of reply.body ?? []) {
    for (const { data } of parser.push(Buffer.from(chunk as Uint8Array))) {
      if (data === '[DONE]') done = true
      else take(data)
    }
  }
  if (!done) {
    throw new CliError(
      EXIT.ours,
      describeError(
        'The answer was cut: the stream ended before its end. Ask again.',
        'upstream_cut',
        requestId,
      ),
    )
  }
  return answer

  function take(data: string): void {
    const error = readError(data)
    if (error !== null)
      throw new CliError(EXIT.ours, `\n${describeError(error.message, error.code, requestId)}`)
    const event = JSON.parse(data) as Completion
    const piece = event.choices?.[0]?.delta?.content ?? ''
    answer.model ??= event.model ?? null
    answer.usage = event.usage ?? answer.usage
    if (piece === '') return
    answer.firstTokenMs ??= context.nowMs() - startedMs
    answer.text += piece
    context.terminal.write(printable(piece))
  }
}

function writeSummary(
  context: CliContext,
  summary: Answer & { requestId: string | null; tookMs: number },
): void {
  const { usage, firstTokenMs } = summary
  const parts = [
    summary.model ?? 'unknown model',
    usage ? `${usage.prompt_tokens ?? '?'} tokens in, ${usage.completion_tokens ?? '?'} out` : null,
    firstTokenMs === null ? null : `first token ${formatDuration(firstTokenMs)}`,
    `total ${formatDuration(summary.tookMs)}`,
    summary.requestId === null ? null : `aval requests show ${summary.requestId}`,
  ]
  const line = parts
    .filter((part) => part !== null)
    .map(printableLine)
    .join(' · ')
  context.terminal.writeError(colorsOf(context.terminal).dim(`${line}\n`))
}
