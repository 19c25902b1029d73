/** What an index version is made of. Its hash stands for all of it: the same manifest over the same snapshot is the same index. */

import { isJsonObject } from '../../lib/json.ts'
import { type Content, contentOf } from '../../registry/content.ts'
import type { ChunkerSettings } from '../chunking/settings.ts'

type EmbeddingModel = {
  upstream: string
  /** The upstream's own model id. */
  model: string
  /** SHA-256 over the files of a local model; null for a remote one, which gives nothing to compute it from. */
  digest: string | null
  dimensions: number
  /** How token vectors became one; null when only the upstream knows. */
  pooling: string | null
  /** Put before each query and each chunk, as models such as E5 were trained. */
  queryPrefix: string
  documentPrefix: string
}

export type IndexManifest = {
  source: { name: string; snapshot: string; documents: number }
  chunker: ChunkerSettings
  embedding: EmbeddingModel
  /** Vectors have length 1. */
  metric: 'cosine'
  /** What the HNSW index holds; `halfvec` takes half the memory. */
  storage: 'vector' | 'halfvec'
  /** BM25's k1 and b. */
  text: { k1: number; b: number }
}

export function manifestContent(manifest: IndexManifest): Content {
  return contentOf(manifest)
}

/** Reads what `manifestContent` wrote. Throws RangeError for anything else. */
export function parseManifest(text: string): IndexManifest {
  const value: unknown = JSON.parse(text)
  if (!isJsonObject(value) || !isJsonObject(value.embedding) || !isJsonObject(value.chunker)) {
    throw new RangeError('This text is not the manifest of an index.')
  }
  return value as unknown as IndexManifest
}
