/** How a release searches its index: part of the release, because another number here gives other answers. */

import { z } from 'zod'

/** More would drown the question, and each is text that the model is paid to read. */
const MAX_CONTEXTS = 50
const MAX_CANDIDATES = 500
const MAX_FILTERS = 20

/** In the words of the API, which are those of a release's content. */
const shape = {
  /** Chunks that the prompt gets. */
  limit: z.int().min(1).max(MAX_CONTEXTS),
  /** Of one document at most. */
  per_document: z.int().min(1).max(MAX_CONTEXTS),
  /** Best of each list that are fused. */
  candidates: z.int().min(1).max(MAX_CANDIDATES),
  mode: z.enum(['hybrid', 'vector', 'text']),
  /** Least cosine of a chunk's vector to the question's; null takes what ranks best, however far. */
  min_score: z.number().min(-1).max(1).nullable(),
  /** A model that reads question and chunk together, as `upstream/model`; null keeps the fused order. */
  rerank: z
    .string()
    .max(200)
    .regex(/^[^/]+\/.+$/, 'Write upstream/model.')
    .nullable(),
  /** 1 is relevance alone, 0 variety alone; null leaves near copies in. */
  diversity: z.number().min(0).max(1).nullable(),
  /** Members of a document's metadata, each with the value it has to have. */
  filters: z
    .record(z.string().max(100), z.union([z.string().max(1000), z.number(), z.boolean()]))
    .refine((filters) => Object.keys(filters).length <= MAX_FILTERS, `At most ${MAX_FILTERS} filters.`),
  /** What a search may take, in milliseconds, before a request goes on without words, or without vectors. */
  budget_ms: z.int().min(10).max(60_000),
}

export const retrievalSettings = z.strictObject(shape)
/** Some of them; what is not said is taken from elsewhere. */
export const someRetrievalSettings = retrievalSettings.partial()

export type RetrievalSettings = z.infer<typeof retrievalSettings>

export const DEFAULT_RETRIEVAL: RetrievalSettings = {
  limit: 6,
  per_document: 3,
  candidates: 100,
  mode: 'hybrid',
  min_score: null,
  rerank: null,
  diversity: null,
  filters: {},
  budget_ms: 1_000,
}
