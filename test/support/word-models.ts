/** An embedding model for tests that no download needs: each word has a direction of its own. */

import { hash } from 'node:crypto'
import type { Provider } from '../../src/providers/provider.ts'
import type { UpstreamModels } from '../../src/retrieval/upstream-models.ts'

const DIMENSIONS = 32
const TIMEOUTS = { connectMs: 1000, firstByteMs: 1000, idleMs: 1000, totalMs: 1000 }

/** Every model of every upstream. Another `salt` is other weights behind the same names. */
export function wordModels({ salt = '' }: { salt?: string } = {}): UpstreamModels {
  const provider: Provider = {
    dialect: 'openai',
    supports: () => true,
    call: ({ parsed }, sink) => {
      const texts = parsed.input as string[]
      const data = texts.map((text, index) => ({ index, embedding: vectorOf(text, salt) }))
      sink.onHead({ status: 200, contentType: 'application/json', headers: {}, upstreamRequestId: null })
      sink.onData(Buffer.from(JSON.stringify({ data })))
      sink.onEnd()
      return { abort: () => undefined, pause: () => undefined, resume: () => undefined }
    },
    listModels: async () => [],
    close: async () => undefined,
  }
  return {
    embedderOf: (upstream, model) => ({ upstream, model, provider, timeouts: TIMEOUTS }),
    digestOf: async () => null,
  }
}

function vectorOf(text: string, salt: string): number[] {
  const vector = new Array<number>(DIMENSIONS).fill(1e-3)
  for (const word of text.toLowerCase().split(/\s+/)) {
    const digest = hash('sha256', `${salt} ${word}`, 'buffer')
    digest.subarray(0, DIMENSIONS).forEach((byte, at) => {
      vector[at] = (vector[at] ?? 0) + (byte - 127.5) / 127.5
    })
  }
  return vector
}
