/** Events of a streamed response: numbering and wire bytes. Knows nothing of what they say. */

import type { JsonObject } from '../../lib/json.ts'
import { encodeSse } from '../../lib/sse.ts'

/** One event of `POST /v1/responses` with `stream: true` (https://platform.openai.com/docs/api-reference/responses-streaming). */
export type ResponsesEvent = JsonObject & { type: string; sequence_number: number }

/** `event: <type>\ndata: <json>\n\n`. A Responses stream has no `[DONE]`: its last event is its end. */
export function encodeResponsesEvent(event: ResponsesEvent): Buffer {
  return encodeSse(JSON.stringify(event), event.type)
}

/** Collects the events of one step and numbers them over the whole stream, from 0. */
export class EventLog {
  #next = 0
  #pending: ResponsesEvent[] = []

  add(type: string, members: JsonObject): void {
    this.#pending.push({ type, sequence_number: this.#next, ...members })
    this.#next += 1
  }

  /** The events since the last call. */
  take(): ResponsesEvent[] {
    const events = this.#pending
    this.#pending = []
    return events
  }
}
