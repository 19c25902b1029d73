/** What an index is asked for as under /api, and how a version of one is shown there. */

import { z } from '@hono/zod-openapi'
import { RequestError } from '../../errors.ts'
import { chunkerSettings } from '../../retrieval/chunking/settings.ts'
import type { NewIndex } from '../../retrieval/indexes/create.ts'
import { type IndexManifest, parseManifest } from '../../retrieval/indexes/manifest.ts'
import type { IndexRow } from '../../retrieval/indexes/store.ts'
import type { ValidationReport } from '../../retrieval/indexes/validate.ts'
import { sourceName } from '../../retrieval/sources/settings.ts'
import { isoTime, strictShape } from './validation.ts'

export const indexName = sourceName

export const newIndexBody = strictShape('field', {
  name: indexName,
  source: sourceName,
  embedding: z
    .string()
    .max(300)
    .regex(/^[a-z0-9][a-z0-9._-]*\/.+$/, 'Write upstream/model, such as local/embed.')
    .default('local/embed'),
  chunker: strictShape('field', {
    kind: z.enum(['headings', 'sentences', 'tokens']).optional(),
    max_tokens: z.int().optional(),
    overlap_tokens: z.int().optional(),
  }).default({}),
  storage: z.enum(['vector', 'halfvec']).default('vector'),
  query_prefix: z.string().max(1000).default(''),
  document_prefix: z.string().max(1000).default(''),
})

/** Throws RequestError for a chunker that cannot be. */
export function toNewIndex(body: z.infer<typeof newIndexBody>): NewIndex {
  const { kind, max_tokens: maxTokens, overlap_tokens: overlapTokens } = body.chunker
  const slash = body.embedding.indexOf('/')
  const chunker = chunkerSettings.safeParse({
    ...(kind !== undefined && { kind }),
    ...(maxTokens !== undefined && { maxTokens }),
    ...(overlapTokens !== undefined && { overlapTokens }),
  })
  if (!chunker.success) {
    const issue = chunker.error.issues[0]
    const member = String(issue?.path[0] ?? 'kind').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    const param = `chunker.${member}`
    throw new RequestError('invalid_value', `${param}: ${issue?.message ?? 'not possible'}`, { param })
  }
  return {
    name: body.name,
    source: body.source,
    chunker: chunker.data,
    embedding: {
      upstream: body.embedding.slice(0, slash),
      model: body.embedding.slice(slash + 1),
      queryPrefix: body.query_prefix,
      documentPrefix: body.document_prefix,
    },
    storage: body.storage,
  }
}

export const manifestSchema = z
  .object({
    source: z.object({ name: z.string(), snapshot: z.string(), documents: z.number() }),
    chunker: z.object({ kind: z.string(), max_tokens: z.number(), overlap_tokens: z.number() }),
    embedding: z.object({
      model: z.string(),
      digest: z.string().nullable(),
      dimensions: z.number(),
      pooling: z.string().nullable(),
      query_prefix: z.string(),
      document_prefix: z.string(),
    }),
    metric: z.string(),
    storage: z.string(),
    text: z.object({ k1: z.number(), b: z.number() }),
  })
  .openapi('IndexManifest')

export function toManifest({ source, chunker, embedding, metric, storage, text }: IndexManifest) {
  return {
    source: { name: source.name, snapshot: source.snapshot, documents: source.documents },
    chunker: {
      kind: chunker.kind,
      max_tokens: chunker.maxTokens,
      overlap_tokens: chunker.overlapTokens,
    },
    embedding: {
      model: `${embedding.upstream}/${embedding.model}`,
      digest: embedding.digest,
      dimensions: embedding.dimensions,
      pooling: embedding.pooling,
      query_prefix: embedding.queryPrefix,
      document_prefix: embedding.documentPrefix,
    },
    metric,
    storage,
    text,
  } satisfies z.infer<typeof manifestSchema>
}

export const indexShape = {
  id: z.string(),
  name: z.string(),
  version: z.number(),
  /** SHA-256 of `content`. */
  hash: z.string(),
  state: z.enum(['queued', 'building', 'ready', 'failed', 'dropped']),
  step: z.enum(['chunk', 'embed', 'index', 'validate']).nullable(),
  documents_total: z.number(),
  documents_done: z.number(),
  chunks_total: z.number().nullable(),
  chunks_done: z.number(),
  tokens: z.number(),
  /** Null until the version has been looked at. */
  validation: z
    .object({
      chunks: z.number(),
      length_min: z.number(),
      length_max: z.number(),
      sampled: z.number(),
      self_recall: z.number(),
      recall_at_10: z.number(),
      search_width: z.number(),
    })
    .nullable(),
  /** Why it failed, or what it waits for. */
  error: z.string().nullable(),
  attempts: z.number(),
  manifest: manifestSchema,
  /** The manifest as canonical JSON: what the hash is over. */
  content: z.string(),
  created_by: z.string(),
  created_by_name: z.string().nullable(),
  created_at: z.string(),
  updated_at: z.string(),
}
export const indexSchema = z.object(indexShape).openapi('IndexVersion')

export function toIndex(row: IndexRow): z.infer<typeof indexSchema> {
  return {
    id: row.id,
    name: row.name,
    version: row.version,
    hash: row.hash,
    state: row.state,
    step: row.step,
    documents_total: row.documentsTotal,
    documents_done: row.documentsDone,
    chunks_total: row.chunksTotal,
    chunks_done: row.chunksDone,
    tokens: row.tokens,
    validation: row.validation === null ? null : toValidation(row.validation),
    error: row.error,
    attempts: row.attempts,
    manifest: toManifest(parseManifest(row.content)),
    content: row.content,
    created_by: row.createdBy,
    created_by_name: row.createdByName,
    created_at: isoTime(row.createdAt),
    updated_at: isoTime(row.updatedAt),
  }
}

/** Without the probes' vectors, which are long and tell a person nothing. */
function toValidation(text: string): z.infer<typeof indexSchema>['validation'] {
  const report = JSON.parse(text) as ValidationReport
  return {
    chunks: report.chunks,
    length_min: report.lengthMin,
    length_max: report.lengthMax,
    sampled: report.sampled,
    self_recall: report.selfRecall,
    recall_at_10: report.recallAt10,
    search_width: report.searchWidth,
  }
}
