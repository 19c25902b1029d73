/**
 * Ends an answer that was given before the request's body was read. Closing at once would reset the connection while
 * the caller still sends, and the reset throws away the answer it has not read yet (RFC 9112 §9.6).
 */

import type { IncomingMessage, ServerResponse } from 'node:http'

/** What is read and thrown away meanwhile. Longer or more only serves a caller that ignores its answer. */
const LINGER_MS = 2000
const LINGER_BYTES = 64 * 1024 ** 2

/** Sends the last bytes of an answer with a content-length now; the connection ends when the caller is done, or at the bound. */
export function endAfterRequest(incoming: IncomingMessage, outgoing: ServerResponse, last: Buffer): void {
  if (incoming.complete || incoming.destroyed) {
    outgoing.end(last)
    return
  }
  outgoing.write(last)
  let bytes = 0
  const finish = () => {
    clearTimeout(timer)
    incoming.off('data', discard)
    outgoing.end()
  }
  const discard = (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > LINGER_BYTES) finish()
  }
  const timer = setTimeout(finish, LINGER_MS)
  incoming.on('data', discard)
  incoming.once('end', finish)
  // A caller that leaves meanwhile has had its answer, or never wanted it.
  incoming.once('error', finish)
  outgoing.once('close', () => clearTimeout(timer))
  incoming.resume()
}
