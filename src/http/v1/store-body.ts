/** What clients send about vector stores, in OpenAI's members and bounds, and what the rooms are told of it. */

import { z } from 'zod'
import { RequestError } from '../../errors.ts'
import { contentOf } from '../../registry/content.ts'
import { chunkerSettings } from '../../retrieval/chunking/settings.ts'
import type { NewStoreFile } from '../../retrieval/stores/file-rows.ts'
import { strictShape } from '../api/validation.ts'
import { DEFAULT_EMBEDDING } from './store-access.ts'

const MAX_PAIRS = 16
const MAX_BATCH_FILES = 2_000
const MAX_QUERIES = 10
const MAX_QUERY_CHARACTERS = 4_096

/** The database takes neither; both come from broken programs, not from people. */
const storable = (letters: number) =>
  z
    .string()
    .max(letters)
    .refine(
      (text) => !text.includes('\0') && text.isWellFormed(),
      'Take out NUL characters and halves of surrogate pairs.',
    )
const pairs = <Value extends z.ZodType>(value: Value) =>
  z
    .record(storable(64), value)
    .refine((all) => Object.keys(all).length <= MAX_PAIRS, `At most ${MAX_PAIRS} pairs.`)
const metadata = pairs(storable(512))
const attributes = pairs(
  z.union([storable(512), z.number(), z.boolean()], { error: 'Write a text, a number, true or false.' }),
)
const fileId = storable(200).min(1)
const days = z.int().min(1).max(365)
const expiresAfter = strictShape('field', { anchor: z.literal('last_active_at'), days })

const strategy = z.discriminatedUnion(
  'type',
  [
    strictShape('field', { type: z.literal('auto') }),
    strictShape('field', {
      type: z.literal('static'),
      static: strictShape('field', {
        max_chunk_size_tokens: z.int().min(100).max(4_096),
        chunk_overlap_tokens: z.int().min(0),
      }).refine(
        (given) => given.chunk_overlap_tokens * 2 <= given.max_chunk_size_tokens,
        'An overlap is at most half of max_chunk_size_tokens.',
      ),
    }),
  ],
  { error: 'Write {"type": "auto"}, or {"type": "static", "static": {…}}.' },
)
export type Strategy = z.output<typeof strategy>

export const createStoreBody = strictShape('field', {
  name: storable(256).nullable().optional(),
  description: storable(512).nullable().optional(),
  metadata: metadata.nullable().optional(),
  expires_after: expiresAfter.nullable().optional(),
  file_ids: z.array(fileId).max(MAX_BATCH_FILES).nullable().optional(),
  chunking_strategy: strategy.nullable().optional(),
})
export const updateStoreBody = strictShape('field', {
  name: storable(256).nullable().optional(),
  metadata: metadata.nullable().optional(),
  expires_after: expiresAfter.nullable().optional(),
})
const fileMembers = {
  file_id: fileId,
  attributes: attributes.nullable().optional(),
  chunking_strategy: strategy.nullable().optional(),
}
export const addFileBody = strictShape('field', fileMembers)
export const attributesBody = strictShape('field', { attributes: attributes.nullable() })
export const batchBody = strictShape('field', {
  file_ids: z.array(fileId).min(1).max(MAX_BATCH_FILES).optional(),
  files: z.array(strictShape('field', fileMembers)).min(1).max(MAX_BATCH_FILES).optional(),
  attributes: attributes.nullable().optional(),
  chunking_strategy: strategy.nullable().optional(),
}).refine(
  (body) => (body.file_ids === undefined) !== (body.files === undefined),
  'Write either file_ids or files.',
)

const query = storable(MAX_QUERY_CHARACTERS).refine((text) => text.trim() !== '', 'Write what is looked for.')
export const searchBody = strictShape('field', {
  query: z.union([query, z.array(query).min(1).max(MAX_QUERIES)], {
    error: (issue) => (issue.input === undefined ? undefined : queryMistake(issue.input)),
  }),
  filters: z.unknown().optional(),
  max_num_results: z.int().min(1).max(50).default(10),
  ranking_options: strictShape('field', {
    ranker: z.enum(['none', 'auto', 'default-2024-11-15']).optional(),
    score_threshold: z.number().min(0).max(1).optional(),
  })
    .nullable()
    .optional(),
  /** Taken and not followed: what is asked is what is searched. */
  rewrite_query: z.boolean().nullable().optional(),
})

function queryMistake(input: unknown): string {
  if (typeof input === 'string' && input.trim() === '') return 'Write what is looked for.'
  return `Write a text of at most ${MAX_QUERY_CHARACTERS} characters, or a list of up to ${MAX_QUERIES}.`
}

/** As the rooms keep it. */
export function toNewFile({
  file_id,
  attributes: given,
  chunking_strategy,
}: z.output<typeof addFileBody>): NewStoreFile {
  return {
    fileId: file_id,
    attributes: JSON.stringify(given ?? {}),
    chunker: chunkerOf(chunking_strategy ?? null),
  }
}

/** `auto` is the store's own way. */
export function chunkerOf(given: Strategy | null): string | null {
  if (given === null || given.type === 'auto') return null
  const { max_chunk_size_tokens: maxTokens, chunk_overlap_tokens: overlapTokens } = given.static
  return contentOf(chunkerSettings.parse({ kind: 'tokens', maxTokens, overlapTokens })).text
}

/** Files of a batch, each with what is said of it. */
export function toBatchFiles(body: z.output<typeof batchBody>): NewStoreFile[] {
  const { file_ids = [], files, attributes: shared, chunking_strategy } = body
  if (files !== undefined) return files.map(toNewFile)
  return file_ids.map((file_id) => toNewFile({ file_id, attributes: shared, chunking_strategy }))
}

/**
 * What embeds a store: `metadata.embedding_model`, which every client can send and every reader of the store sees. Throws
 * RequestError for what is no `upstream/model`.
 */
export function embeddingOf(given: Readonly<Record<string, string>> | null | undefined): string {
  const named = given?.[EMBEDDING_MEMBER]
  if (named === undefined) return DEFAULT_EMBEDDING
  if (/^[^/\s]+\/\S+$/.test(named)) return named
  const message = `metadata.${EMBEDDING_MEMBER}: ${JSON.stringify(named.slice(0, 100))} names no model. Write upstream/model, such as ${DEFAULT_EMBEDDING}.`
  throw new RequestError('invalid_value', message, { param: `metadata.${EMBEDDING_MEMBER}` })
}

export const EMBEDDING_MEMBER = 'embedding_model'
