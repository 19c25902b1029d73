/** POST /v1/vector_stores/{id}/search. A search is a request like those of models: it has a row, with question and answer. */

import type { IncomingMessage } from 'node:http'
import type { HttpBindings } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { type CloseRecord, NOTHING_FROM_UPSTREAM, type OpenRecord } from '../../audit/record.ts'
import { GatewayError, toOpenAIError, UpstreamError } from '../../errors.ts'
import { compileFilter } from '../../retrieval/stores/filters.ts'
import {
  type FoundInStore,
  type StoreFindings,
  type StoreSearch,
  searchStore,
} from '../../retrieval/stores/search.ts'
import type { StoreRow } from '../../retrieval/stores/store.ts'
import type { ApiEnv } from '../auth.ts'
import { clientRequestId } from '../request-ids.ts'
import { readJson } from './json-body.ts'
import { searchBody } from './store-body.ts'
import type { StoresDeps } from './stores-deps.ts'
import { storeOf } from './vector-stores.ts'

type SearchEnv = ApiEnv & { Bindings: HttpBindings }

/** Kept of a body that was refused: enough to see what was wrong with it. */
const MAX_KEPT_BYTES = 64 * 1024
/** Its first parameter is the store. */
const FIRST_FILTER_PARAMETER = 2

/** Routes below `/v1/vector_stores`; authentication, roles and limits have already run. */
export function storeSearch(deps: StoresDeps) {
  return new Hono<SearchEnv>({ strict: false }).post('/:id/search', async (c) => {
    const row = new SearchRow(deps, c, await c.req.text())
    try {
      const search = toSearch(await readJson(c, searchBody))
      const store = await storeOf(deps, c as unknown as Context<ApiEnv>)
      row.store = store
      const call = { requestId: c.var.requestId, signal: c.req.raw.signal }
      const findings = await searchStore(deps, store, search, call)
      const answer = JSON.stringify(toPage(search, findings))
      await row.completed(findings, answer)
      if (findings.index !== null) c.header('x-aval-index', findings.index)
      return c.body(answer, 200, { 'content-type': 'application/json' })
    } catch (error) {
      await row.refused(error)
      throw error
    }
  })
}

function toSearch(body: (typeof searchBody)['_output']): StoreSearch {
  const { query, filters, max_num_results: limit, ranking_options: ranking } = body
  return {
    queries: typeof query === 'string' ? [query] : query,
    filter: filters === undefined || filters === null ? null : compileFilter(filters, FIRST_FILTER_PARAMETER),
    limit,
    minScore: ranking?.score_threshold ?? null,
    vectorsAlone: ranking?.ranker === 'none',
  }
}

function toPage({ queries }: StoreSearch, { found }: StoreFindings) {
  return {
    object: 'vector_store.search_results.page' as const,
    search_query: queries,
    data: found.map(toResult),
    has_more: false,
    next_page: null,
  }
}

function toResult({ fileId, fileName, attributes, chunk }: FoundInStore) {
  const text = chunk.heading === null ? chunk.text : `${chunk.heading}\n\n${chunk.text}`
  return {
    file_id: fileId,
    filename: fileName,
    score: scoreOf(chunk.cosine),
    attributes: JSON.parse(attributes) as Record<string, string | number | boolean>,
    content: [{ type: 'text' as const, text }],
  }
}

/** The cosine, because it means the same in every store and every answer; what is farther than unrelated is 0. */
function scoreOf(cosine: number | null): number {
  return Math.min(1, Math.max(0, cosine ?? 0))
}

class SearchRow {
  store: StoreRow | null = null
  readonly #deps: StoresDeps
  readonly #context: Context<SearchEnv>
  readonly #body: Buffer
  readonly #startedMs: number
  readonly #receivedAtMs: number

  constructor(deps: StoresDeps, context: Context<SearchEnv>, body: string) {
    this.#deps = deps
    this.#context = context
    this.#body = Buffer.from(body)
    this.#startedMs = deps.clock.monotonicMs()
    this.#receivedAtMs = deps.clock.nowMs()
  }

  /** Rejects when the log cannot take it: then the answer must not go out. */
  async completed({ found, index, without, durationMs }: StoreFindings, answer: string): Promise<void> {
    const [upstream = null, ...model] = this.store?.embedding.split('/') ?? []
    const contexts = found.map(({ chunk }) => ({
      chunk: chunk.chunk,
      document: chunk.key,
      hash: chunk.documentHash,
      score: chunk.score,
      cosine: chunk.cosine,
    }))
    const bytes = Buffer.from(answer)
    await this.#write(index, bytes, {
      outcome: 'completed',
      status: 200,
      errorCode: null,
      upstream,
      model: model.join('/'),
      retrieval: { contexts, without, durationMs },
    })
  }

  async refused(error: unknown): Promise<void> {
    const { var: variables, req } = this.#context
    const { status, body } = toOpenAIError(error, variables.requestId)
    const failed = error instanceof UpstreamError || !(error instanceof GatewayError)
    const outcome = req.raw.signal.aborted ? 'client_abort' : failed ? 'upstream_error' : 'rejected'
    await this.#write(null, Buffer.from(JSON.stringify(body)), {
      outcome,
      status,
      errorCode: body.error.code,
    })
  }

  async #write(
    index: string | null,
    answer: Buffer,
    end: Partial<CloseRecord> & Pick<CloseRecord, 'outcome' | 'status' | 'errorCode'>,
  ): Promise<void> {
    const { var: variables, req, env } = this.#context
    const { key, requestId: id } = variables
    const open: OpenRecord = {
      id,
      startedAtMs: this.#receivedAtMs,
      projectId: key.projectId,
      keyId: key.id,
      keyName: key.name,
      method: 'POST',
      path: req.path.slice(0, 256),
      operation: 'vector_store_search',
      requestedModel: null,
      route: null,
      stream: false,
      clientRequestId: clientRequestId(env.incoming as IncomingMessage),
      subject: null,
      dataKey: null,
      ...(index === null ? {} : { index }),
    }
    const kept = end.outcome === 'completed' ? this.#body : this.#body.subarray(0, MAX_KEPT_BYTES)
    const close: CloseRecord = {
      id,
      ...NOTHING_FROM_UPSTREAM,
      ...end,
      durationMs: this.#deps.clock.monotonicMs() - this.#startedMs,
      requestBytes: this.#body.length,
      responseBytes: answer.length,
      truncated: kept.length < this.#body.length,
      occurrences: 1,
    }
    await this.#deps.log.whole(open, close, kept, answer)
  }
}
