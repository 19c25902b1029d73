/** Prints what the local provider costs: memory before and after the first model, and time for a 128-token text. */

import { createLocalProvider } from '../src/providers/local/local.ts'

const models = new URL('../models', import.meta.url).pathname
const megabytes = () => Math.round(process.memoryUsage().rss / 1e6)
const before = megabytes()
const provider = createLocalProvider({ folders: [models], hub: { enabled: false, cacheFolder: models } })
const built = megabytes()

function embed(texts: string[]): Promise<void> {
  const timeouts = { connectMs: 60_000, firstByteMs: 60_000, idleMs: 60_000, totalMs: 60_000 }
  const parsed = { input: texts, encoding_format: 'base64' }
  const call = {
    operation: 'embeddings' as const,
    model: 'embed',
    parsed,
    body: Buffer.alloc(0),
    stream: false,
    includeUsage: false,
    requestId: 'bench',
    timeouts,
  }
  return new Promise((resolve, reject) => {
    provider.call(call, { onHead: () => undefined, onData: () => undefined, onEnd: resolve, onError: reject })
  })
}

async function medianMs(size: number): Promise<number> {
  const batch = Array<string>(size).fill('gateway '.repeat(126))
  const times: number[] = []
  for (let round = 0; round < 31; round += 1) {
    const start = performance.now()
    await embed(batch)
    times.push((performance.now() - start) / size)
  }
  return times.sort((left, right) => left - right)[15] ?? 0
}

const start = performance.now()
await embed(['first'])
const firstMs = performance.now() - start
const loaded = megabytes()
const oneMs = await medianMs(1)
const sixteenMs = await medianMs(16)
console.log(
  JSON.stringify({
    rss_before_mb: before,
    rss_provider_built_mb: built,
    rss_first_answer_mb: loaded,
    rss_after_work_mb: megabytes(),
    first_answer_ms: Math.round(firstMs),
    ms_per_128_token_text: Number(oneMs.toFixed(2)),
    ms_per_128_token_text_batch_16: Number(sixteenMs.toFixed(2)),
  }),
)
await provider.close()
