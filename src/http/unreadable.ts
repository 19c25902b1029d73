/** Answers bytes that are no HTTP request, or too slow or too large a head, with the error object everyone else gets. */

import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { RequestError, toOpenAIError } from '../errors.ts'
import { newId } from '../lib/ids.ts'

/**
 * Node's `clientError`: the parser has given up and the socket is bare, so the response is written by hand. `underWay`
 * is the answer that is being given on this connection, if any: once it has begun, nothing may be written into it.
 */
export function answerUnreadable(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  underWay: ServerResponse | null,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable || underWay?.headersSent === true) {
    socket.destroy()
    return
  }
  const requestId = newId('req', Date.now())
  const { status, body } = toOpenAIError(errorFor(error), requestId)
  const json = JSON.stringify(body)
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(json)}`,
    `x-request-id: ${requestId}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${json}`)
}

function errorFor(error: NodeJS.ErrnoException): RequestError {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return new RequestError(
        'headers_too_large',
        'The request line and headers are larger than 16 KiB. Send less.',
      )
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new RequestError(
        'request_timeout',
        'The request did not arrive in time. Send its head within 10 seconds and its body within 120.',
      )
    default:
      return new RequestError('invalid_request', 'This is not an HTTP/1.1 request that can be read.')
  }
}
