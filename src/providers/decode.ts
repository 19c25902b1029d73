/** Decompresses an upstream's answer. We ask for identity; some servers compress all the same. */

import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'

/** `close` stops at once: whatever a small piece still expands to is not worth the time. */
export type Decoder = { write(chunk: Buffer): void; end(): void; close(): void }

type DecoderSink = { onData(chunk: Buffer): void; onEnd(): void; onError(message: string): void }

const MAKERS: Readonly<Record<string, () => ReturnType<typeof createGunzip>>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress as unknown as () => ReturnType<typeof createGunzip>,
  zstd: createZstdDecompress as unknown as () => ReturnType<typeof createGunzip>,
}

/** Null when the encoding is unknown. Output size is the receiver's to bound: it gets chunks as they come. */
export function createDecoder(encoding: string, sink: DecoderSink): Decoder | null {
  const make = MAKERS[encoding.toLowerCase()]
  if (make === undefined) return null
  const stream = make()
  stream.on('data', (chunk: Buffer) => sink.onData(chunk))
  stream.on('end', () => sink.onEnd())
  stream.on('error', (error) => sink.onError(`${encoding}: ${error.message}`))
  return {
    write: (chunk) => void stream.write(chunk),
    end: () => void stream.end(),
    close: () => void stream.destroy(),
  }
}
