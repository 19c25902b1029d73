/** Scores of texts against a question, by any provider that serves rerank. */

import { UpstreamError } from '../errors.ts'
import { isJsonObject, type JsonObject } from '../lib/json.ts'
import { callForJson } from './call.ts'
import type { Embedder } from './embed.ts'

/** One score for each text, in their order. Rejects with UpstreamError. */
export async function rerank(
  model: Embedder,
  query: string,
  documents: readonly string[],
  requestId: string,
  signal: AbortSignal,
): Promise<number[]> {
  const parsed: JsonObject = { model: model.model, query, documents: [...documents] }
  const answer = await callForJson(model, { operation: 'rerank', parsed, requestId, signal })
  const scores = new Array<number>(documents.length).fill(Number.NaN)
  for (const row of Array.isArray(answer.results) ? answer.results : []) {
    if (!isJsonObject(row) || typeof row.index !== 'number' || typeof row.relevance_score !== 'number')
      continue
    if (row.index in scores) scores[row.index] = row.relevance_score
  }
  if (!scores.some(Number.isNaN)) return scores
  const message = `Upstream "${model.upstream}" did not score every text for "${model.model}".`
  throw new UpstreamError('upstream_malformed', message, { retryable: true })
}
