/**
 * Watches an SSE stream of OpenAI events on its way to the client. Lets whole events through unchanged, reads
 * usage and finish reason, holds the terminal event back until the log has its record, and finds garbage before
 * the client does. Never invents an event.
 */

import type { UsageRecord } from '../audit/record.ts'
import { isJsonObject, type JsonObject } from '../lib/json.ts'
import type { Operation } from '../providers/provider.ts'
import { EventSplitter } from './event-splitter.ts'
import { readErrorInside, readFinishReason, readUsage } from './usage.ts'

/** A 1 MB tool call in one event must pass; beyond this an event is an attack on our memory. */
const MAX_EVENT_BYTES = 16 * 1024 ** 2
const TERMINAL_RESPONSES = new Set(['response.completed', 'response.incomplete', 'response.failed'])

/** Why a stream cannot go on: the upstream's own error event, or bytes that make no sense. */
export type StreamFault = { kind: 'error_event' | 'malformed'; detail: string }

export class StreamTap {
  readonly #operation: Operation
  readonly #stripUsage: boolean
  readonly #splitter = new EventSplitter(MAX_EVENT_BYTES)
  usage: UsageRecord | null = null
  finishReason: string | null = null
  /** The held last event; its presence is the only proof that the answer is whole. */
  terminal: Buffer | null = null
  fault: StreamFault | null = null

  /** `stripUsage`: the usage event was our wish, not the client's, and is taken out again. */
  constructor(operation: Operation, stripUsage: boolean) {
    this.#operation = operation
    this.#stripUsage = stripUsage
  }

  /** Bytes that may go to the client now: whole events only. Check `fault` afterwards. */
  push(chunk: Buffer): Buffer | null {
    if (this.terminal !== null || this.fault !== null) return null
    const block = this.#splitter.push(chunk)
    if (this.#splitter.overflow) this.#refuse(`an event of more than ${MAX_EVENT_BYTES} bytes`)
    return block === null ? null : this.#filter(block)
  }

  /**
   * The upstream closed its side: an unfinished event is dropped, never passed on. Returns what may still go to the
   * client; check `fault` afterwards.
   */
  end(): Buffer | null {
    if (this.terminal !== null || this.fault !== null) return null
    const rest = this.#splitter.rest()
    if (rest === null) return null
    const text = rest.toString('latin1')
    // A last line without its blank line is common for [DONE]; anything else is half an event. A blank line too many
    // before it may be held with it, or have left already: that depends on where the network cut.
    if (/^[\r\n]*data: ?\[DONE\]\s*$/.test(text)) this.terminal = DONE
    // Two CRs are a blank line; the splitter only waited for an LF that might have belonged to the second.
    else if (text.endsWith('\r\r')) return this.#filter(rest)
    return null
  }

  #filter(block: Buffer): Buffer | null {
    const kept: Buffer[] = []
    let keptFrom = 0
    for (const { start, end } of this.#splitter.events(block)) {
      const verdict = this.#inspect(block.subarray(start, end))
      if (verdict === 'pass') continue
      kept.push(block.subarray(keptFrom, start))
      keptFrom = end
      if (verdict === 'drop') continue
      if (verdict === 'terminal') this.terminal = block.subarray(start, end)
      return join(kept)
    }
    if (keptFrom === 0) return block
    kept.push(block.subarray(keptFrom))
    return join(kept)
  }

  #inspect(event: Buffer): 'pass' | 'drop' | 'terminal' | 'fault' {
    const data = dataOf(event)
    if (data === null) return 'pass'
    if (data === '[DONE]') return 'terminal'
    if (isNamedError(event)) {
      this.fault = { kind: 'error_event', detail: data.slice(0, 4096) }
      return 'fault'
    }
    let parsed: unknown
    try {
      parsed = JSON.parse(data)
    } catch {
      // Converted into a typed fault: the caller ends the stream with an error event.
      return this.#refuse(`an event that is not JSON: ${data.slice(0, 200)}`)
    }
    if (!isJsonObject(parsed)) return this.#refuse(`an event that is no JSON object: ${data.slice(0, 200)}`)
    return this.#read(parsed, data)
  }

  #read(parsed: JsonObject, data: string): 'pass' | 'drop' | 'terminal' | 'fault' {
    if (readErrorInside(parsed) !== null) {
      this.fault = { kind: 'error_event', detail: data.slice(0, 4096) }
      return 'fault'
    }
    const usage = readUsage(parsed)
    if (usage !== null) this.usage = usage
    this.finishReason = readFinishReason(parsed) ?? this.finishReason
    if (this.#operation === 'responses') {
      return typeof parsed.type === 'string' && TERMINAL_RESPONSES.has(parsed.type) ? 'terminal' : 'pass'
    }
    const onlyUsage = usage !== null && Array.isArray(parsed.choices) && parsed.choices.length === 0
    return onlyUsage && this.#stripUsage ? 'drop' : 'pass'
  }

  #refuse(detail: string): 'fault' {
    this.fault = { kind: 'malformed', detail }
    return 'fault'
  }
}

const DONE = Buffer.from('data: [DONE]\n\n')

function join(pieces: readonly Buffer[]): Buffer | null {
  const filled = pieces.filter((piece) => piece.length > 0)
  if (filled.length === 0) return null
  return filled.length === 1 ? (filled[0] ?? null) : Buffer.concat(filled)
}

const ERROR_NAME = Buffer.from('event: error')

/** True for `event: error`, how some servers mark a failure whose data has no shape of its own. */
function isNamedError(event: Buffer): boolean {
  const at = event.indexOf(ERROR_NAME)
  if (at < 0) return false
  const before = at === 0 ? 10 : event[at - 1]
  const after = event[at + ERROR_NAME.length]
  return (before === 10 || before === 13) && (after === 10 || after === 13)
}

/** The `data` of one raw event, lines joined; null for comments and events without data. */
function dataOf(event: Buffer): string | null {
  const decoded = event.toString('utf8')
  const text = decoded.charCodeAt(0) === 0xfeff ? decoded.slice(1) : decoded
  // The common event is one line: `data: {…}` and its blank line. A CR ends a line, too, also where the others end in LF.
  if (text.startsWith('data: {') && text.indexOf('\n') === text.length - 2 && !text.includes('\r'))
    return text.slice(6, -2)
  const lines = text.split(/\r\n|\n|\r/).filter((line) => line.startsWith('data:'))
  if (lines.length === 0) return null
  return lines
    .map((line) => line.slice(line.charAt(5) === ' ' ? 6 : 5))
    .join('\n')
    .trim()
}
