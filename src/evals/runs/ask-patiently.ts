/** One question of a run, to its subject or to a judge: asked with patience for what passes, and bounded in time and tries. */

import { backoffMs } from '../../lib/backoff.ts'
import { sleep } from '../../lib/sleep.ts'
import type { Ask, Asked, Call, Failure } from './ask.ts'
import type { Pace } from './pace.ts'

export type AskDeps = { ask: Ask; random: () => number; pace: Pace }

/** The data plane has tried by itself before each of these. */
const MAX_TRIES = 4
const BASE_MS = 1_000
const MAX_WAIT_MS = 60_000

/** The last try, and how many there were. Rejects only with the call's reason to stop, or when the log cannot be written. */
export async function askPatiently(
  { ask, random, pace }: AskDeps,
  timeoutMs: number,
  call: Call,
): Promise<{ asked: Asked; tries: number }> {
  for (let tries = 1; ; tries += 1) {
    const asked = await askInTurn(ask, pace, timeoutMs, call)
    if (asked.kind === 'answered') return { asked, tries }
    const { failure } = asked
    if (!failure.retryable || tries >= MAX_TRIES) return { asked, tries }
    await sleep(waitMs(failure, tries, random), call.signal)
    call.signal.throwIfAborted()
  }
}

function waitMs({ retryAfterMs }: Failure, tries: number, random: () => number): number {
  const own = backoffMs(tries - 1, random, BASE_MS, MAX_WAIT_MS)
  return Math.min(MAX_WAIT_MS, Math.max(own, retryAfterMs ?? 0))
}

/** Waiting for room takes nothing of the time that the suite allows, and nothing of the room that there is. */
async function askInTurn(ask: Ask, pace: Pace, timeoutMs: number, call: Call): Promise<Asked> {
  const { projectId, runId, body, signal } = call
  const model = typeof body.model === 'string' ? body.model : ''
  const leave = await pace.enter({ projectId, runId, model, signal })
  let upstream: string | null = null
  try {
    const asked = await askOnce(ask, timeoutMs, call)
    upstream = asked.upstream
    return asked
  } finally {
    leave(upstream)
  }
}

/** A call that takes longer than the suite allows has failed, and may be tried again. */
async function askOnce(ask: Ask, timeoutMs: number, call: Call): Promise<Asked> {
  const late = AbortSignal.timeout(timeoutMs)
  try {
    return await ask({ ...call, signal: AbortSignal.any([call.signal, late]) })
  } catch (error) {
    if (call.signal.aborted || !late.aborted) throw error
    const failure = {
      code: 'timeout',
      message: `No answer within ${timeoutMs} ms. The suite may allow more: timeout.`,
      retryable: true,
      retryAfterMs: null,
    }
    return { kind: 'failed', requestId: '', latencyMs: timeoutMs, upstream: null, failure }
  }
}
