/** A large answer as a stream of its bytes, which is read no faster than they are taken. Not for the hot path. */

import { UpstreamError } from '../errors.ts'
import type { OutboundRequest, Transport } from './transport.ts'

/** Held of what was not taken yet; beyond it the upstream waits. */
const MAX_HELD_BYTES = 1024 * 1024

/** Throws UpstreamError, also when the signal aborts. Whoever stops taking ends the call. */
export async function* readBytes(
  transport: Transport,
  request: OutboundRequest,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  let chunks: Buffer[] = []
  let held = 0
  let isWhole = false
  let failure: UpstreamError | null = null
  let wake = () => {}
  const handle = transport.start(request, {
    onHead() {},
    onData(chunk) {
      chunks.push(chunk)
      held += chunk.length
      if (held > MAX_HELD_BYTES) handle.pause()
      wake()
    },
    onEnd() {
      isWhole = true
      wake()
    },
    onError(error) {
      failure = error
      wake()
    },
  })
  const leave = () => {
    const message = `Upstream "${transport.upstream}" did not send all of ${request.path} in time.`
    failure ??= new UpstreamError('upstream_timeout', message, { retryable: true })
    wake()
  }
  signal.addEventListener('abort', leave, { once: true })
  try {
    if (signal.aborted) leave()
    for (;;) {
      const taken = chunks
      chunks = []
      held = 0
      for (const chunk of taken) yield chunk
      if (failure !== null) throw failure
      if (isWhole && chunks.length === 0) return
      if (chunks.length > 0) continue
      const { promise, resolve } = Promise.withResolvers<void>()
      wake = resolve
      handle.resume()
      await promise
    }
  } finally {
    signal.removeEventListener('abort', leave)
    handle.abort()
  }
}
