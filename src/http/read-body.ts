/** Reads a request body into one buffer: bounded before and while reading, decompressed within the same bound. */

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, zstdDecompress } from 'node:zlib'
import { RequestError } from '../errors.ts'

const DECODERS: Readonly<
  Record<string, (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>>
> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
}

/**
 * Resolves with the decoded bytes. Rejects with RequestError body_too_large (sized bodies before a byte is read),
 * unsupported_media_type, invalid_encoding, or client_closed_request when the caller leaves first.
 */
export function readBody(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const { headers } = incoming
  const refusal = refusalOf(headers, maxBytes)
  if (refusal !== null) return Promise.reject(refusal)
  const encoding = headers['content-encoding']?.toLowerCase() ?? 'identity'
  return encoding === 'identity' ? collect(incoming, maxBytes) : collectEncoded(incoming, encoding, maxBytes)
}

/** What the headers alone are reason enough to refuse. */
function refusalOf(headers: IncomingHttpHeaders, maxBytes: number): RequestError | null {
  const type = headers['content-type']
  if (type !== undefined && type !== 'application/json' && !JSON_TYPE.test(type)) {
    const message = `The content type ${JSON.stringify(type.slice(0, 100))} is not supported. Send application/json.`
    return new RequestError('unsupported_media_type', message)
  }
  return Number(headers['content-length'] ?? 0) > maxBytes ? tooLarge(maxBytes) : null
}

const JSON_TYPE = /^application\/([a-z0-9.+-]+\+)?json\b/i

async function collectEncoded(
  incoming: IncomingMessage,
  encoding: string,
  maxBytes: number,
): Promise<Buffer> {
  const decode = Object.hasOwn(DECODERS, encoding) ? DECODERS[encoding] : undefined
  if (decode === undefined) {
    const message = `The content encoding ${JSON.stringify(encoding)} is not supported. Use gzip, deflate, br or zstd, or none.`
    throw new RequestError('unsupported_media_type', message)
  }
  const bytes = await collect(incoming, maxBytes)
  try {
    return await decode(bytes, { maxOutputLength: maxBytes })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes)
    const message = `The body is not valid ${encoding}. Send it uncompressed, or compress it again.`
    throw new RequestError('invalid_encoding', message, { cause })
  }
}

function collect(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    incoming.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= maxBytes) chunks.push(chunk)
      else {
        incoming.pause()
        incoming.removeAllListeners('data')
        reject(tooLarge(maxBytes))
      }
    })
    incoming.on('end', () =>
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)),
    )
    const left = (cause?: Error) =>
      reject(
        new RequestError('client_closed_request', 'The caller left before its request was complete.', {
          cause,
        }),
      )
    incoming.on('error', left)
    incoming.on('close', () => {
      if (!incoming.complete) left()
    })
  })
}

function tooLarge(maxBytes: number): RequestError {
  const message = `The body is larger than ${maxBytes} bytes. Send less, or raise server.max_body in aval.yaml.`
  return new RequestError('body_too_large', message)
}
