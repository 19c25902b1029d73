/**
 * How a test tells the scripted upstream what to do with one request.
 * Never holds state: a script is a plain value, read from the `model` name or registered with `upstream.on`.
 */

type CutBy = 'destroy' | 'reset' | 'half-close' | 'end'

/** Everything is optional; the empty script answers like a healthy OpenAI endpoint that echoes its input. */
export interface Script {
  // What the answer says.
  /** Text of the answer; `echo: <last user text>` when absent. Streams send it word by word. */
  text?: string
  /** Answer with this many words instead (`word0 word1 …`). */
  tokens?: number
  /** Answer with this many parallel tool calls, taken in order from the request's tools. */
  toolCalls?: number
  /** Make each tool call's arguments about this long. */
  toolArgumentBytes?: number
  refusal?: string
  /** Sent as `reasoning_content`, before the content. */
  reasoning?: string
  finishReason?: string
  /** `null` sends `id: null`, `reused` the same id to everyone. */
  id?: 'own' | 'null' | 'reused'
  /** false leaves `usage` out although it was asked for. */
  usage?: boolean
  /** false keeps the input out of the answer (`ok` is said instead). */
  echo?: boolean

  // The head.
  status?: number
  headers?: Record<string, string>
  retryAfter?: number
  retryAfterMs?: number
  /** The body of a failure (and, with status 200, of a wrong success). */
  errorBody?: 'openai' | 'html' | 'empty' | 'half-json' | 'huge' | 'text'
  /** Exact body, in place of anything computed. */
  body?: string | Uint8Array
  contentType?: string
  gzip?: boolean

  // Time.
  /** Wait before the status line. */
  delayMs?: number
  /** Wait between the head and the first byte of the body. */
  firstByteMs?: number
  /** Wait between two events of a stream. */
  chunkMs?: number
  /** Send this many events, then nothing more for ever; the connection stays open. */
  stallAfter?: number
  /** Accept the request and never answer. */
  hang?: boolean

  // Streams and bytes.
  /** Stop after this many events (or, `cutAfterBytes`, this many bytes of the body). */
  cutAfter?: number
  cutAfterBytes?: number
  /** How it stops; `destroy` unless given. `end` is a clean end of the response. */
  cutBy?: CutBy
  /** After this many events send `data: {"error":…}` and end cleanly. */
  errorEventAfter?: number
  lineEnd?: 'lf' | 'crlf' | 'cr'
  /** Comments between the events. */
  comments?: boolean
  /** `data:{…}` without the space. */
  tight?: boolean
  bom?: boolean
  /** One extra event whose content has this many bytes. */
  bigEventBytes?: number
  /** Where writes are split: `event` (default), every byte, inside every multi-byte character, all in one. */
  split?: 'event' | 'byte' | 'utf8' | 'one'
  /** false leaves out the last `[DONE]`. */
  done?: boolean
  /** Bytes sent after `[DONE]`. */
  afterDone?: string
  /** Bytes written to the socket in place of an HTTP response; the socket then closes. */
  raw?: string | Uint8Array
}

function scalar(value: string): string | number | boolean {
  if (value === 'true' || value === '') return true
  if (value === 'false') return false
  return /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value
}

/**
 * Reads a script from a model name: `mock?status=429&retry_after=2&header.x-request-id=up_1`.
 * Names are those of `Script` in snake_case; `header.<name>` sets a response header.
 * A test can so script one request through any client without touching its neighbours'.
 */
export function scriptFromModel(model: string): Script {
  const mark = model.indexOf('?')
  if (mark < 0) return {}
  const headers: Record<string, string> = {}
  const script: Record<string, unknown> = {}
  for (const [name, value] of new URLSearchParams(model.slice(mark + 1))) {
    if (name.startsWith('header.')) headers[name.slice('header.'.length)] = value
    else script[name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())] = scalar(value)
  }
  if (typeof script.text === 'number' || typeof script.text === 'boolean') script.text = String(script.text)
  return { ...(script as Script), ...(Object.keys(headers).length > 0 ? { headers } : {}) }
}
