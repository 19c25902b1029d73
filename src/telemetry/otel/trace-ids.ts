/**
 * Ids of a request's trace and spans, known before there are any: an attempt sends its span's id while it is under way, and the span
 * is made when the request has ended. They are digests of the request's own random id, so that nothing has to be kept in between.
 */

import { hash } from 'node:crypto'
import type { IdGenerator } from '@opentelemetry/sdk-trace'

/** 32 hexadecimal digits. */
export function traceIdOf(requestId: string): string {
  return hash('sha256', `${requestId} trace`, 'hex').slice(0, 32)
}

/** 16 hexadecimal digits; `place` tells the spans of one request apart. */
export function spanIdOf(requestId: string, place: 'request' | 'retrieval' | `attempt ${number}`): string {
  return hash('sha256', `${requestId} ${place}`, 'hex').slice(0, 16)
}

/** Gives the next span the ids that it is to have; a trace's id is asked for by a span without a parent alone. */
export class GivenIds implements IdGenerator {
  #traceId = ''
  #spanId = ''

  /** Call it right before the span is started. */
  give(requestId: string, place: Parameters<typeof spanIdOf>[1]): void {
    this.#traceId = traceIdOf(requestId)
    this.#spanId = spanIdOf(requestId, place)
  }

  generateTraceId(): string {
    return this.#traceId
  }

  generateSpanId(): string {
    return this.#spanId
  }
}
