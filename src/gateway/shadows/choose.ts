/** Which answered requests a shadow mirrors, and what is never sent a second time. Pure: it can be reckoned again. */

import type { Outcome } from '../../audit/record.ts'
import { isJsonObject, type JsonObject } from '../../lib/json.ts'
import { bucketOf, type RegistryBook, type ServedShadow } from '../../registry/releases/book.ts'
import { type Plan, pointerOf } from '../plan.ts'
import type { ParsedBody, RequestEnvelope } from '../request.ts'

/** A request whose answer is out. */
export type Answered = Readonly<{
  envelope: RequestEnvelope
  body: ParsedBody
  plan: Plan
  /** Null for one that never had an end. */
  outcome: Outcome | null
}>

/** Kinds of tools that the app runs, not the upstream. https://platform.openai.com/docs/api-reference/chat/create */
const TOOLS_OF_APPS: ReadonlySet<unknown> = new Set(['function', 'custom'])

/**
 * The shadow whose turn it is with this request; null for none. Only chats to the shadow's label that completed, that
 * another release than the candidate answered, and that are neither replays nor mirrored themselves. A request is chosen when its bucket of the
 * shadow is below the shadow's share.
 */
export function chooseShadow(
  registry: RegistryBook,
  { envelope, body, plan, outcome }: Answered,
  nowMs: number,
): ServedShadow | null {
  if (outcome !== 'completed' || envelope.operation !== 'chat' || plan.release === null) return null
  if (envelope.replayOf !== undefined || envelope.shadowOf !== undefined) return null
  const { route, pointer } = pointerOf(body.model)
  const shadow = registry.shadowOf(envelope.key.projectId, route, pointer)
  if (shadow === null || shadow.endsAtMs <= nowMs || shadow.releaseId === plan.release.id) return null
  return bucketOf(shadow.id, envelope.id) < shadow.share ? shadow : null
}

/**
 * True for a call that could leave something at the upstream or set something in motion there: it asks to be stored, or
 * for a tool that the upstream runs itself. A second call would do it twice.
 */
export function mayLeaveTraces(sent: JsonObject): boolean {
  if (sent.store === true || isJsonObject(sent.web_search_options ?? null)) return true
  const tools = Array.isArray(sent.tools) ? sent.tools : []
  return tools.some((tool) => !isJsonObject(tool) || !TOOLS_OF_APPS.has(tool.type))
}
