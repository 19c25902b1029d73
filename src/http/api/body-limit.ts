/** Bounds the bodies of /api before and while they are read. Never touches a request that has none. */

import type { MiddlewareHandler } from 'hono'
import { RequestError } from '../../errors.ts'

/**
 * `maxBytesOf` says how large the body of a path may be. Throws RequestError body_too_large. A body without a declared
 * length is read here and passed on whole. Hono's own middleware does that with `new Request(raw, …)`, which the
 * server's lightweight requests do not survive.
 */
export function limitBody(maxBytesOf: (path: string) => number): MiddlewareHandler {
  return async (c, next) => {
    const maxBytes = maxBytesOf(c.req.path)
    const { headers } = c.req.raw
    if (!headers.has('transfer-encoding')) {
      // Without a declared length and without chunks there is no body (RFC 9112, section 6.3).
      if (Number(headers.get('content-length') ?? 0) > maxBytes) throw tooLarge(maxBytes)
      return await next()
    }
    const { method, signal, body } = c.req.raw
    const parts: Uint8Array[] = []
    let bytes = 0
    for await (const part of body ?? []) {
      bytes += part.length
      if (bytes > maxBytes) throw tooLarge(maxBytes)
      parts.push(part)
    }
    c.req.raw = new Request(c.req.url, { method, headers, signal, body: Buffer.concat(parts) })
    await next()
  }
}

function tooLarge(maxBytes: number): RequestError {
  return new RequestError('body_too_large', `The body is larger than ${maxBytes} bytes. Send less.`)
}
