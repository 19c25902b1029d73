/** A transport that answers batch calls from a script and keeps what it was sent, and what tests ask of a dialect's batches over it. */

import { UpstreamError } from '../../../src/errors.ts'
import { translateResults } from '../../../src/providers/batch-results.ts'
import type { Batches, BatchResult, WantedBatch } from '../../../src/providers/batches.ts'
import type { Translation } from '../../../src/providers/translation.ts'
import type { OutboundRequest, Transport } from '../../../src/providers/transport.ts'

type Sent = { method: string; path: string; headers: Record<string, string>; body: string | null }
/** By method and path: a body, whole or as it stands, a status that is refused, or how the call fails. */
type Script = Record<string, string | object | number | UpstreamError>

export const { signal } = new AbortController()
const timeouts = { connectMs: 1, firstByteMs: 1, idleMs: 1, totalMs: 1 }
const LIMITS = { maxBytes: 1_000_000, maxLineBytes: 10_000 }

export function wire(
  create: (speaks: {
    name: string
    headers: Record<string, string>
    timeouts: typeof timeouts
    transport: Transport
    translate: ReturnType<typeof translateResults>
  }) => Batches,
  translation: Translation,
  script: Script,
) {
  const sent: Sent[] = []
  const transport: Transport = {
    upstream: 'up',
    start({ method, path, headers, body }: OutboundRequest, sink) {
      sent.push({ method, path, headers, body: body?.toString('utf8') ?? null })
      const told = script[`${method} ${path}`]
      queueMicrotask(() => {
        if (told instanceof UpstreamError) {
          sink.onError(told)
          return
        }
        if (told === undefined || typeof told === 'number') {
          const message = `Upstream "up" answered ${told ?? 404}.`
          const status = told ?? 404
          sink.onError(
            new UpstreamError('upstream_refused', message, { retryable: false, upstreamStatus: status }),
          )
          return
        }
        sink.onHead({ status: 200, contentType: '', headers: {}, upstreamRequestId: null })
        const bytes = Buffer.from(typeof told === 'string' ? told : JSON.stringify(told))
        for (let at = 0; at < bytes.length; at += 7) sink.onData(bytes.subarray(at, at + 7))
        sink.onEnd()
      })
      return { abort() {}, pause() {}, resume() {} }
    },
    close: async () => undefined,
  }
  const translate = translateResults('up', translation, () => 1_790_000_000_000)
  const batches = create({ name: 'up', headers: { 'x-key': 'k' }, timeouts, transport, translate })
  return { batches, sent }
}

export async function resultsOf(
  batches: Batches,
  name: string,
): Promise<(BatchResult | 'strange' | 'long')[]> {
  const results: (BatchResult | 'strange' | 'long')[] = []
  for await (const result of batches.results({ name, model: 'some-model' }, LIMITS, signal))
    results.push(result)
  return results
}

export const ORDER = { name: 'bat_1', metadata: { aval_batch: 'bat_1' }, model: 'some-model', requests: 2 }

/** Made between noon and one o'clock; requests of ours are `req_…`. */
export function wanted(more: Partial<WantedBatch> = {}): WantedBatch {
  return {
    ...ORDER,
    fileId: null,
    sinceMs: Date.parse('2026-11-29T12:00:00Z'),
    untilMs: Date.parse('2026-11-29T13:00:00Z'),
    isOurs: async (ids) => ids.some((id) => id.startsWith('req_')),
    others: async () => new Set(),
    ...more,
  }
}
