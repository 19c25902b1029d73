/** What people try an index with: a question to one version, and what differs between two. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import {
  DEFAULT_RETRIEVAL,
  retrievalSettings,
  someRetrievalSettings,
} from '../../registry/releases/retrieval-settings.ts'
import { type IndexManifest, parseManifest } from '../../retrieval/indexes/manifest.ts'
import { demandReady } from '../../retrieval/open-indexes.ts'
import type { RetrievedChunk, Retriever } from '../../retrieval/retrieve.ts'
import { diffSnapshots } from '../../retrieval/sources/snapshot-diff.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import { toManifest } from './index-body.ts'
import { findVersion, type IndexesApiDeps, indexParams, parseIndexRef } from './indexes.ts'
import { pageFrom, registryReaders } from './page.ts'
import {
  answer,
  conflictAnswer,
  errorAnswers,
  jsonBody,
  limitText,
  refuseInvalid,
  strictShape,
} from './validation.ts'

export type IndexSearchDeps = Pick<IndexesApiDeps, 'sql' | 'record'> & {
  retriever: Pick<Retriever, 'retrieve'>
}

/** A person waits: longer than a request may, which has an answer to give besides. */
const BUDGET_MS = 20_000
const MAX_QUESTION_CHARACTERS = 8_000

const chunkSchema = z
  .object({
    chunk: z.number(),
    document: z.object({ key: z.string(), title: z.string().nullable(), hash: z.string() }),
    heading: z.string().nullable(),
    text: z.string(),
    start: z.number(),
    end: z.number(),
    score: z.number(),
    /** Null where no vector was compared. */
    cosine: z.number().nullable(),
    ranks: z.record(z.string(), z.number()),
  })
  .openapi('FoundChunk')
const foundSchema = z
  .object({
    index: z.string(),
    chunks: z.array(chunkSchema),
    /** What the search went without, because it was late or failed. */
    without: z.enum(['vectors', 'words']).nullable(),
    duration_ms: z.number(),
  })
  .openapi('IndexSearch')
const diffSchema = z
  .object({
    from: z.string(),
    to: z.string(),
    /** Members of the manifest that differ, each with its two values. */
    manifest: z.array(z.object({ member: z.string(), from: z.unknown(), to: z.unknown() })),
    documents: z.object({
      added: z.number(),
      changed: z.number(),
      removed: z.number(),
      data: z.array(z.object({ key: z.string(), change: z.enum(['added', 'changed', 'removed']) })),
      next_cursor: z.string().nullable(),
    }),
  })
  .openapi('IndexDiff')

const searchBody = strictShape('field', {
  question: z
    .string()
    .max(MAX_QUESTION_CHARACTERS)
    .refine((text) => text.trim() !== '', 'Write a question.')
    .refine(
      (text) => !text.includes('\0') && text.isWellFormed(),
      'Take out NUL characters and broken letters.',
    ),
  ...someRetrievalSettings.shape,
})
const ref = z.string().max(100)
const diffQuery = strictShape('filter', {
  from: ref,
  to: ref,
  limit: limitText,
  cursor: z.string().max(8192).optional(),
})

const searchRoute = createRoute({
  method: 'post',
  path: '/indexes/{name}/{version}/search',
  middleware: requireRole('admin', 'engineer', 'auditor'),
  request: { params: indexParams, ...jsonBody(searchBody) },
  responses: {
    200: answer('The chunks that a prompt would get, best first.', foundSchema),
    409: conflictAnswer,
    ...errorAnswers,
  },
})
const diffRoute = createRoute({
  method: 'get',
  path: '/indexes/diff',
  middleware: requireRole(...registryReaders),
  request: { query: diffQuery },
  responses: {
    200: answer('What differs: members of the manifest, and documents by key.', diffSchema),
    ...errorAnswers,
  },
})

/** Routes under /api; authentication has already run. */
export function indexSearchApi(deps: IndexSearchDeps) {
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(diffRoute, async (c) => {
      const { from, to, limit, cursor: after = null } = c.req.valid('query')
      const { projectId } = c.var.key
      const before = await findVersion(deps, projectId, parseIndexRef(from, 'from'))
      const later = await findVersion(deps, projectId, parseIndexRef(to, 'to'))
      const [old, now] = [parseManifest(before.content), parseManifest(later.content)]
      const ends = { from: snapshotOf(old), to: snapshotOf(now) }
      const { documents, ...counts } = await diffSnapshots(deps.sql, projectId, ends, {
        after,
        limit: limit + 1,
      })
      return c.json(
        {
          from: `${before.name}@${before.version}`,
          to: `${later.name}@${later.version}`,
          manifest: differences(toManifest(old), toManifest(now)),
          documents: {
            ...counts,
            ...pageFrom(documents, limit, { cursorOf: ({ key }) => key, toWire: (one) => one }),
          },
        },
        200,
      )
    })
    .openapi(searchRoute, async (c) => {
      const { question: text, ...given } = c.req.valid('json')
      const { key, requestId } = c.var
      const row = await findVersion(deps, key.projectId, c.req.valid('param'))
      // Searches keep what they have opened in mind, and it may have been dropped since.
      demandReady(row)
      const index = `${row.name}@${row.version}`
      await deps.record.access(key, {
        action: 'index.search',
        target: index,
        detail: { question: `${text.length} characters`, ...given },
      })
      const settings = retrievalSettings.parse({ ...DEFAULT_RETRIEVAL, budget_ms: BUDGET_MS, ...given })
      const { chunks, without, durationMs } = await deps.retriever.retrieve({
        projectId: key.projectId,
        index: { name: row.name, version: row.version },
        text,
        settings,
        requestId,
        signal: c.req.raw.signal,
      })
      return c.json({ index, chunks: chunks.map(toChunk), without, duration_ms: durationMs }, 200)
    })
}

function toChunk({ chunk, key, title, documentHash, heading, text, ...rest }: RetrievedChunk) {
  const { start, end, score, cosine, ranks } = rest
  const document = { key, title, hash: documentHash }
  return { chunk, document, heading, text, start, end, score, cosine, ranks }
}

function snapshotOf({ source }: IndexManifest) {
  return { source: source.name, hash: source.snapshot }
}

/** `chunker.max_tokens` with both values, for every member that differs. */
function differences(from: object, to: object, path = ''): { member: string; from: unknown; to: unknown }[] {
  const old = from as Record<string, unknown>
  const now = to as Record<string, unknown>
  return Object.keys(now).flatMap((name) => {
    const [a, b] = [old[name], now[name]]
    if (typeof a === 'object' && a !== null && typeof b === 'object' && b !== null) {
      return differences(a, b, `${path}${name}.`)
    }
    return a === b ? [] : [{ member: `${path}${name}`, from: a ?? null, to: b ?? null }]
  })
}
