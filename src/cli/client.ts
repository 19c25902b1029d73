/** The CLI's way to a running server: /api and /v1 over HTTP, failures as one sentence with a remedy. */

import { printableLine } from '../lib/printable.ts'
import { CliError, EXIT } from './exit-codes.ts'

export type ClientSettings = {
  /** `http://127.0.0.1:8700` */
  url: string
  /** From AVAL_KEY or the data folder's cli.json; null when there is none. */
  key: string | null
}

/** No server answers at the address. */
export class UnreachableError extends CliError {
  override name = 'UnreachableError'
}

/** There is nothing to call a server with. */
export class NoKeyError extends CliError {
  override name = 'NoKeyError'
}

type Query = Readonly<Record<string, string | undefined>>
export type Call = {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: string
  query?: Query
  /** A Buffer is sent as it is, anything else as JSON. */
  body?: unknown
  headers?: Readonly<Record<string, string>>
}

/** Lists and changes answer in milliseconds; longer than this is a server in trouble. */
const ANSWER_TIMEOUT_MS = 60_000

export type Client = ReturnType<typeof createClient>

export function createClient(settings: ClientSettings) {
  const call = async (wanted: Call, signal: AbortSignal): Promise<Response> => {
    const answer = await send(settings, wanted, signal)
    if (!answer.ok) throw await toCliError(answer)
    return answer
  }
  return {
    url: settings.url,
    /** The JSON of an answer. Throws CliError: exit 2 when the call was wrong, 1 when the server failed. */
    json: async <Answer>(wanted: Call): Promise<Answer> => {
      const answer = await call(wanted, AbortSignal.timeout(ANSWER_TIMEOUT_MS))
      try {
        return (await answer.json()) as Answer
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error
        throw new CliError(EXIT.ours, `${settings.url} does not answer like Aval. Check AVAL_URL.`)
      }
    },
    /** The answer itself, for streams. `signal` bounds it. */
    open: call,
    /** Like `open`, with an answer that is an error given as it came. */
    send: (wanted: Call, signal: AbortSignal): Promise<Response> => send(settings, wanted, signal),
  }
}

async function send(settings: ClientSettings, wanted: Call, signal: AbortSignal): Promise<Response> {
  if (settings.key === null) {
    throw new NoKeyError(
      EXIT.usage,
      'There is no key to call the server with. Set AVAL_KEY, or run this where `aval serve` has written its cli.json.',
    )
  }
  const url = new URL(wanted.path, settings.url)
  for (const [name, value] of Object.entries(wanted.query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, value)
  }
  const headers: Record<string, string> = { ...wanted.headers, authorization: `Bearer ${settings.key}` }
  if (wanted.body !== undefined) headers['content-type'] = 'application/json'
  const body = bodyOf(wanted.body)
  try {
    return await fetch(url, { method: wanted.method, headers, body, signal, redirect: 'error' })
  } catch (error) {
    throw unreachable(settings.url, error)
  }
}

function bodyOf(body: unknown): string | Buffer<ArrayBuffer> | null {
  if (body === undefined) return null
  return Buffer.isBuffer(body) ? Buffer.from(body) : JSON.stringify(body)
}

function unreachable(url: string, error: unknown): CliError {
  if (error instanceof Error && error.name === 'TimeoutError') {
    return new CliError(EXIT.ours, `${url} did not answer in time. \`aval doctor\` says what is wrong.`)
  }
  const cause = (error as { cause?: { code?: string; message?: string } }).cause
  const why =
    cause?.code === 'ECONNREFUSED' ? 'nothing listens there' : (cause?.code ?? cause?.message ?? 'no answer')
  return new UnreachableError(
    EXIT.ours,
    `No Aval server answers at ${url} (${why}). Start one with \`npm start\` or \`aval serve\`, or set AVAL_URL.`,
  )
}

/** The server's own sentence, its code and the request id to quote. */
async function toCliError(answer: Response): Promise<CliError> {
  const requestId = answer.headers.get('x-request-id')
  const error = readError(await answer.text())
  const message = error?.message ?? `The server answered ${answer.status} without saying why.`
  const code = error?.code ?? null
  const exitCode = code === 'refused_by_policy' ? EXIT.refusedByPolicy : exitCodeOf(answer.status)
  return new CliError(exitCode, describeError(message, code ?? String(answer.status), requestId), code)
}

function exitCodeOf(status: number): number {
  return status >= 400 && status < 429 ? EXIT.usage : EXIT.ours
}

/** `message` then code and request id on a line of their own. */
export function describeError(message: string, code: string, requestId: string | null): string {
  return `${printableLine(message)}\n  code ${printableLine(code)}${requestId === null ? '' : `, request ${printableLine(requestId)}`}`
}

/** The error object in a text, null when there is none. */
export function readError(text: string): { message: string; code: string } | null {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown; code?: unknown } }
    if (typeof error?.message !== 'string') return null
    return { message: error.message, code: typeof error.code === 'string' ? error.code : 'unknown' }
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return null
    throw error
  }
}
