/** Vectors by any embedding model, each distinct text asked for once: answers to one question share their context. */

import { type Embedder, embedTexts } from '../../retrieval/embed.ts'
import type { Embed } from './ground.ts'

/** Of one call. */
const MAX_TEXTS = 1_000
/** About 100 MB at 256 dimensions; then it starts empty again, which costs time only. */
const MAX_CACHED = 100_000

/** Rejects as `embedTexts` does. */
export function cachedEmbed(embedder: Embedder, requestId: string): Embed {
  const cached = new Map<string, Float32Array>()
  return async (texts, signal) => {
    if (cached.size + texts.length > MAX_CACHED) cached.clear()
    const missing = [...new Set(texts)].filter((text) => !cached.has(text))
    for (let from = 0; from < missing.length; from += MAX_TEXTS) {
      const batch = missing.slice(from, from + MAX_TEXTS)
      const { vectors } = await embedTexts(embedder, batch, requestId, signal)
      batch.forEach((text, at) => {
        const vector = vectors[at]
        if (vector !== undefined) cached.set(text, vector)
      })
    }
    return texts.map((text) => cached.get(text) ?? new Float32Array(0))
  }
}
