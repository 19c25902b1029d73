/** A logged request in the form that scorers take, or why nobody can judge it. Pure. */

import type { RequestDetail } from '../../audit/privacy/read-bodies.ts'
import type { RecalledContexts } from '../../gateway/recall-contexts.ts'
import { isJsonObject } from '../../lib/json.ts'
import { type SpokenOperation, spokenAnswer } from '../../lib/spoken-answer.ts'
import { CONTEXTS } from '../../registry/prompts/prompt-content.ts'
import { itemOfRequest } from '../datasets/from-requests.ts'
import type { DatasetItem } from '../datasets/item.ts'
import { sampleOf } from '../runs/judge-unit.ts'
import type { Sample } from '../scorers/scorer.ts'
import type { Skip } from './skip-reasons.ts'

/** What of a row tells, without its bodies, that it cannot be judged. */
type Glance = Pick<
  RequestDetail,
  'operation' | 'outcome' | 'status' | 'requestBytes' | 'responseBytes' | 'truncated'
>

/** Of each body. A scorer takes a million characters apart at most (`MAX_ANALYSED_CHARS`), and a stream says each in an event. */
const MAX_REQUEST_BYTES = 1_000_000
const MAX_RESPONSE_BYTES = 8_000_000

/** Null for a request that is worth opening. */
function skipUnopened(row: Glance): Skip | null {
  if (!isSpoken(row.operation)) return { skip: 'unsupported_operation' }
  if (row.outcome !== 'completed' || row.status !== 200) return { skip: 'no_answer' }
  if (row.requestBytes > MAX_REQUEST_BYTES || row.responseBytes > MAX_RESPONSE_BYTES) {
    return { skip: 'too_large' }
  }
  return row.truncated ? { skip: 'cut' } : null
}

/** `contexts` are those that the release's index gave. What the app sent as contexts itself counts where there is no index. */
export function liveSample(request: RequestDetail, contexts: RecalledContexts): { sample: Sample } | Skip {
  const unopened = skipUnopened(request)
  if (unopened !== null) return unopened
  const { operation, bodyState, requestBody, responseBody } = request
  if (bodyState !== 'kept') return { skip: bodyState }
  if (request.requestRedacted !== null || request.responseRedacted !== null) return { skip: 'redacted' }
  if (typeof requestBody !== 'string' || typeof responseBody !== 'string' || !isSpoken(operation)) {
    return { skip: 'not_text' }
  }
  if (contexts === 'gone') return { skip: 'contexts_gone' }
  const said = spokenAnswer(operation, responseBody)
  const item = itemIn(request, requestBody)
  if (said === null || item === null) return { skip: 'not_text' }
  if ('left' in item) return { skip: 'asks_nothing' }
  const shown = contexts?.map(({ text }) => text) ?? ownContexts(item.item)
  const { finishReason, durationMs, costMicroUsd, retrieval } = request
  const sample = sampleOf(item.item, {
    output: said.words,
    toolCalls: JSON.stringify(said.calls),
    contexts: JSON.stringify(shown),
    retrieved: retrieval === null ? null : JSON.stringify(retrieval.contexts.map(({ document }) => document)),
    finishReason,
    latencyMs: durationMs,
    cost: costMicroUsd === null ? null : String(costMicroUsd),
  })
  return { sample }
}

function isSpoken(operation: string): operation is SpokenOperation {
  return operation === 'chat' || operation === 'completions' || operation === 'responses'
}

/** Null for a body that is no JSON. */
function itemIn(request: RequestDetail, body: string): ReturnType<typeof itemOfRequest> | null {
  const { id, operation, route, model, subject, startedAt } = request
  const call = { id, operation, route, model, subject, startedAt: startedAt.toISOString(), body }
  try {
    return itemOfRequest({ ...call, answer: null, contexts: [] })
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

/** As a prompt takes them: texts, or objects with a text. */
function ownContexts({ variables }: DatasetItem): string[] {
  const given = variables?.[CONTEXTS]
  if (!Array.isArray(given)) return []
  return given.flatMap((one) => {
    const text = isJsonObject(one) ? one.text : one
    return typeof text === 'string' ? [text] : []
  })
}
