/** Vectors for scorers that think, by the model that ships. */

import type { Tools } from '../evals/scorers/scorer.ts'
import type { Clock } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import { embedTexts } from '../retrieval/embed.ts'
import type { UpstreamModels } from '../retrieval/upstream-models.ts'

/** The model is found with the first text: upstreams stay as they are then. */
export function embedWith(models: () => Promise<UpstreamModels>, clock: Clock): Tools['embed'] {
  let found: Promise<UpstreamModels> | null = null
  return async (texts, signal) => {
    found ??= models()
    const { embedderOf } = await found.catch((error: unknown) => {
      found = null
      throw error
    })
    const embedder = embedderOf('local', 'embed')
    if (embedder === null)
      throw new Error('The upstream "local" is not configured, and its model judges here.')
    const { vectors } = await embedTexts(embedder, texts, newId('req', clock.nowMs()), signal)
    return vectors
  }
}
