/** How a release searches its index: part of the release, because another number here gives other answers. */

import { z } from 'zod'

/** More would drown the question, and each is text that the model is paid to read. */
const MAX_CONTEXTS = 50
const MAX_CANDIDATES = 500
const MAX_FILTERS = 20

export const retrievalSettings = z.strictObject({
  /** Chunks that the prompt gets. */
  limit: z.int().min(1).max(MAX_CONTEXTS).default(6),
  /** Of one document at most. */
  perDocument: z.int().min(1).max(MAX_CONTEXTS).default(3),
  /** Best of each list that are fused. */
  candidates: z.int().min(1).max(MAX_CANDIDATES).default(100),
  mode: z.enum(['hybrid', 'vector', 'text']).default('hybrid'),
  /** Least cosine of a chunk's vector to the question's; chunks that only the words found are not held to it. */
  minScore: z.number().min(-1).max(1).nullable().default(null),
  /** A model that reads question and chunk together, as `upstream/model`; null keeps the fused order. */
  rerank: z.string().max(200).nullable().default(null),
  /** 1 is relevance alone, 0 variety alone; null leaves near copies in. */
  diversity: z.number().min(0).max(1).nullable().default(null),
  /** Members of a document's metadata, each with the value it has to have. */
  filters: z
    .record(z.string().max(100), z.union([z.string().max(1000), z.number(), z.boolean()]))
    .refine((filters) => Object.keys(filters).length <= MAX_FILTERS, `At most ${MAX_FILTERS} filters.`)
    .default({}),
  /** What search may take before a release answers with less: without words, or without vectors. */
  budgetMs: z.int().min(10).max(60_000).default(1_000),
})

export type RetrievalSettings = z.infer<typeof retrievalSettings>

export const DEFAULT_RETRIEVAL: RetrievalSettings = retrievalSettings.parse({})
