/** The answer to one item in one repeat: asked, with patience for what passes, or taken from the item. */

import type { JsonObject } from '../../lib/json.ts'
import { type Answer, type Asked, chatBody, type Failure } from './ask.ts'
import { type AskDeps, askPatiently } from './ask-patiently.ts'
import type { Place, ResultRow, Unit } from './result-rows.ts'
import { type RunContent, subjectText } from './run-content.ts'
import type { RunRow } from './run-rows.ts'
import { storable } from './storable.ts'

type AnswerDeps = AskDeps & { signal: AbortSignal }

const MAX_ERROR_LETTERS = 1_000
/** Taken over from nobody. */
const OWN = { cachedFrom: null, cachedAt: null }

/** Rejects only with the signal's reason, or when the log cannot be written. */
export async function answerUnit(
  deps: AnswerDeps,
  row: RunRow,
  content: RunContent,
  unit: Unit,
): Promise<ResultRow> {
  if (content.subject.kind === 'recorded') return recorded(unit)
  const body = questionOf(content, unit)
  if (body === null) return asksNothing(unit)
  const { id: runId, projectId } = row
  const call = { projectId, runId, runName: `eval ${row.suite}`, body, signal: deps.signal }
  const { asked, tries } = await askPatiently(deps, content.timeoutMs, call)
  if (asked.kind === 'failed') return failed(unit, asked.requestId, tries, asked.failure)
  return answered(unit, asked, tries)
}

/** The request of one item and repeat; null for an item that asks nothing. */
export function questionOf(
  content: RunContent,
  { item, repeat }: Pick<Unit, 'item' | 'repeat'>,
): JsonObject | null {
  const seed = content.seed === null ? null : content.seed + repeat
  return chatBody(subjectText(content.subject), item, { seed, parameters: content.parameters })
}

export function asksNothing(unit: Unit): ResultRow {
  const message = `The item ${unit.item.id} asks nothing. Give it input, messages or variables.`
  return failed(unit, null, 0, { code: 'invalid_item', message })
}

/** `latencyMs` is null where waiting was no part of answering. */
export function answered(
  { position, repeat }: Place,
  { requestId, latencyMs, answer }: Pick<Asked, 'requestId'> & { latencyMs: number | null; answer: Answer },
  tries: number,
): ResultRow {
  return {
    position,
    repeat,
    outcome: 'answered',
    requestId,
    output: storable(answer.output),
    toolCalls: storable(JSON.stringify(answer.toolCalls)),
    contexts: storable(JSON.stringify(answer.contexts)),
    retrieved: answer.retrieved === null ? null : storable(JSON.stringify(answer.retrieved)),
    finishReason: answer.finishReason === null ? null : storable(answer.finishReason),
    latencyMs,
    cost: answer.cost === null ? null : String(answer.cost),
    free: answer.free,
    errorCode: null,
    error: null,
    tries,
    ...OWN,
  }
}

function recorded(unit: Unit): ResultRow {
  const { position, repeat, item } = unit
  if (item.output === undefined) {
    return failed(unit, null, 0, {
      code: 'invalid_item',
      message: `The item ${item.id} has no output. Record one, or ask a subject.`,
    })
  }
  return {
    position,
    repeat,
    outcome: 'answered',
    requestId: null,
    output: storable(item.output),
    toolCalls: '[]',
    contexts: '[]',
    retrieved: null,
    finishReason: null,
    latencyMs: null,
    cost: null,
    free: true,
    errorCode: null,
    error: null,
    tries: 0,
    ...OWN,
  }
}

export function failed(
  { position, repeat }: Place,
  requestId: string | null,
  tries: number,
  { code, message }: Pick<Failure, 'code' | 'message'>,
): ResultRow {
  return {
    position,
    repeat,
    outcome: 'failed',
    requestId: requestId === '' ? null : requestId,
    output: null,
    toolCalls: '[]',
    contexts: '[]',
    retrieved: null,
    finishReason: null,
    latencyMs: null,
    cost: null,
    free: true,
    errorCode: storable(code),
    error: storable(message.slice(0, MAX_ERROR_LETTERS)),
    tries,
    ...OWN,
  }
}
