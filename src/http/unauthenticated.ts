/** Answers to callers without a valid key, and the last resort when an exchange cannot be finished. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { type RequestError, toOpenAIError } from '../errors.ts'
import { encodeSse } from '../lib/sse.ts'
import { invalidKeyError } from './auth.ts'
import { endAfterRequest } from './linger.ts'

export type Caller = {
  id: string
  method: string
  path: string
  operation: string
  receivedAtMs: number
  clientRequestId: string | null
}

export type Unauthenticated = {
  refuse(caller: Caller, incoming: IncomingMessage, outgoing: ServerResponse): void
  breakOff(error: unknown, requestId: string, outgoing: ServerResponse): void
}

/** `note` counts the refusal for the log, aggregated by address; `reportBug` gets errors that are not ours to show. */
export function createUnauthenticated(
  note: (caller: Caller, address: string, error: RequestError) => void,
  reportBug: (error: unknown, requestId: string) => void,
): Unauthenticated {
  return {
    refuse(caller, incoming, outgoing) {
      const error = invalidKeyError()
      note(caller, incoming.socket.remoteAddress ?? '', error)
      // The body is not read from strangers, so the connection cannot be used again.
      const echoed = caller.clientRequestId === null ? {} : { 'x-client-request-id': caller.clientRequestId }
      const json = start(outgoing, error, caller.id, { ...echoed, connection: 'close' })
      endAfterRequest(incoming, outgoing, json)
    },
    breakOff(error, requestId, outgoing) {
      if (outgoing.writableEnded || outgoing.destroyed) return
      reportBug(error, requestId)
      if (!outgoing.headersSent)
        outgoing.end(start(outgoing, error, requestId, { 'x-should-retry': 'false' }))
      else outgoing.end(encodeSse(JSON.stringify(toOpenAIError(error, requestId).body)))
    },
  }
}

/** Writes the head of an error response and returns the body that belongs to it. */
function start(
  outgoing: ServerResponse,
  error: unknown,
  requestId: string,
  more: Readonly<Record<string, string>>,
): Buffer {
  const { status, headers, body } = toOpenAIError(error, requestId)
  const json = Buffer.from(JSON.stringify(body))
  outgoing.writeHead(status, {
    ...headers,
    ...more,
    'content-type': 'application/json',
    'content-length': json.length,
    'x-request-id': requestId,
  })
  return json
}
