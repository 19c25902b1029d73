/** Opens logged requests and makes items of them, as `aval dataset from-requests` does, in the process that holds the keys. */

import type { Sql } from 'postgres'
import type { AuditKeys } from '../../audit/privacy/audit-keys.ts'
import { findReadable, type RequestDetail } from '../../audit/privacy/read-bodies.ts'
import type { Db } from '../../db/client.ts'
import { type RecalledContexts, recallContexts } from '../../gateway/recall-contexts.ts'
import { isJson } from '../../lib/json.ts'
import { type SpokenOperation, spokenAnswer } from '../../lib/spoken-answer.ts'
import { itemOfRequest } from './from-requests.ts'
import type { DatasetItem } from './item.ts'

export type OpenedRequests = {
  items: DatasetItem[]
  /** Why requests are no items, and how many. */
  left: Map<string, number>
}

/** In their order. Whoever calls it has put the read on the log first. */
export async function openRequests(
  { sql, db, keys }: { sql: Sql; db: Db; keys: Pick<AuditKeys, 'wrapping'> },
  projectId: string,
  ids: readonly string[],
): Promise<OpenedRequests> {
  const opened: OpenedRequests = { items: [], left: new Map() }
  for (const id of ids) {
    const found = await findReadable(db, keys, { id, scope: { projectId, unowned: false } })
    const made =
      found === null ? { left: 'is not kept any more' } : itemOf(found, await recallContexts(sql, found))
    if ('item' in made) opened.items.push(made.item)
    else opened.left.set(made.left, (opened.left.get(made.left) ?? 0) + 1)
  }
  return opened
}

/** Pure. What was asked has to be there whole and as it was sent; an answer that is not is left out of the item. */
function itemOf(request: RequestDetail, contexts: RecalledContexts): ReturnType<typeof itemOfRequest> {
  const { id, operation, route, model, subject, startedAt, bodyState, requestBody } = request
  if (bodyState !== 'kept') return { left: `its body is ${bodyState}` }
  if (request.requestRedacted !== null)
    return { left: 'values were taken out of its body before it was kept' }
  if (typeof requestBody !== 'string' || !isJson(requestBody)) {
    return { left: 'its body was kept in part, or is no JSON' }
  }
  return itemOfRequest({
    id,
    operation,
    route,
    model,
    subject,
    startedAt: startedAt.toISOString(),
    body: requestBody,
    answer: answerOf(request),
    contexts: contexts === 'gone' || contexts === null ? [] : contexts.map(({ text }) => text),
  })
}

/** An answer that was changed or cut before it was kept is none. */
function answerOf({ operation, outcome, truncated, responseRedacted, responseBody }: RequestDetail) {
  if (outcome !== 'completed' || truncated || responseRedacted !== null) return null
  if (typeof responseBody !== 'string' || !isSpoken(operation)) return null
  return spokenAnswer(operation, responseBody)?.words ?? null
}

function isSpoken(operation: string): operation is SpokenOperation {
  return operation === 'chat' || operation === 'completions' || operation === 'responses'
}
