/** The answer to one item in one repeat: asked, with patience for what passes, or taken from the item. */

import { backoffMs } from '../../lib/backoff.ts'
import type { Clock } from '../../lib/clock.ts'
import { sleep } from '../../lib/sleep.ts'
import { type Ask, type Asked, chatBody, type Failure } from './ask.ts'
import type { Pace } from './pace.ts'
import type { ResultRow, Unit } from './result-rows.ts'
import { type RunContent, subjectText } from './run-content.ts'
import type { RunRow } from './run-rows.ts'

type AnswerDeps = { ask: Ask; clock: Clock; random: () => number; pace: Pace; signal: AbortSignal }

/** The data plane has tried by itself before each of these. */
const MAX_TRIES = 4
const BASE_MS = 1_000
const MAX_WAIT_MS = 60_000
const MAX_ERROR_LETTERS = 1_000

/** `spent` in micro-USD as text; null when an answer's price is unknown. */
export type Made = { result: ResultRow; spent: string | null }

/** Rejects only with the signal's reason, or when the log cannot be written. */
export async function answerUnit(
  deps: AnswerDeps,
  row: RunRow,
  content: RunContent,
  unit: Unit,
): Promise<Made> {
  if (content.subject.kind === 'recorded') return unpaid(recorded(unit))
  const seed = content.seed === null ? null : content.seed + unit.repeat
  const body = chatBody(subjectText(content.subject), unit.item, { seed, parameters: content.parameters })
  if (body === null) {
    const message = `The item ${unit.item.id} asks nothing. Give it input, messages or variables.`
    return unpaid(failed(unit, null, 0, { code: 'invalid_item', message }))
  }
  const call = { projectId: row.projectId, runId: row.id, runName: `eval ${row.suite}`, body }
  for (let tries = 1; ; tries += 1) {
    const asked = await askOnce(deps, content.timeoutMs, call)
    if (asked.kind === 'answered') {
      deps.pace.answered()
      const result = answered(unit, asked, tries)
      return { result, spent: asked.answer.free ? '0' : result.cost }
    }
    const { failure } = asked
    if (failure.overloaded) deps.pace.overloaded(deps.clock.monotonicMs())
    if (!failure.retryable || tries >= MAX_TRIES) {
      return unpaid(failed(unit, asked.requestId, tries, failure))
    }
    await sleep(waitMs(failure, tries, deps.random), deps.signal)
    deps.signal.throwIfAborted()
  }
}

function unpaid(result: ResultRow): Made {
  return { result, spent: '0' }
}

function waitMs({ retryAfterMs }: Failure, tries: number, random: () => number): number {
  const own = backoffMs(tries - 1, random, BASE_MS, MAX_WAIT_MS)
  return Math.min(MAX_WAIT_MS, Math.max(own, retryAfterMs ?? 0))
}

/** A call that takes longer than the suite allows has failed, and may be tried again. */
async function askOnce(
  { ask, signal }: AnswerDeps,
  timeoutMs: number,
  call: Omit<Parameters<Ask>[0], 'signal'>,
): Promise<Asked> {
  const late = AbortSignal.timeout(timeoutMs)
  try {
    return await ask({ ...call, signal: AbortSignal.any([signal, late]) })
  } catch (error) {
    if (signal.aborted || !late.aborted) throw error
    const failure = {
      code: 'timeout',
      message: `No answer within ${timeoutMs} ms. The suite may allow more: timeout.`,
      retryable: true,
      overloaded: false,
      retryAfterMs: null,
    }
    return { kind: 'failed', requestId: '', latencyMs: timeoutMs, failure }
  }
}

function answered(
  { position, repeat }: Unit,
  { requestId, latencyMs, answer }: Extract<Asked, { kind: 'answered' }>,
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
    finishReason: answer.finishReason,
    latencyMs,
    cost: answer.cost === null ? null : String(answer.cost),
    errorCode: null,
    error: null,
    tries,
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
    errorCode: null,
    error: null,
    tries: 0,
  }
}

function failed(
  { position, repeat }: Unit,
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
    errorCode: code,
    error: storable(message.slice(0, MAX_ERROR_LETTERS)),
    tries,
  }
}

/** PostgreSQL's texts hold no NUL and no half of a pair. */
function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\u{fffd}')
}
