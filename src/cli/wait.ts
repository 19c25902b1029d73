/** Waiting for work that goes on elsewhere: asked again and again, until it is over, the person has enough, or a day is. */

import { setTimeout as sleep } from 'node:timers/promises'
import type { CliContext } from './context.ts'
import { CliError, EXIT } from './exit-codes.ts'

const POLL_MS = 500
/** Whoever waits longer has forgotten that he does. */
const MAX_WAIT_MS = 24 * 3_600_000
/** A server that is started again, or whose embedded database is busy with a large index, answers later. */
const MAX_SILENCE_MS = 10 * 60_000

type Wait<State> = {
  look: () => Promise<State>
  isOver: (state: State) => boolean
  /** How to look again when waiting ends before the work. */
  later: string
}

/** Throws CliError when the server refuses to be asked, is silent for ten minutes, or waiting ends before the work. */
export async function waitUntil<State>(
  { stop, nowMs }: Pick<CliContext, 'stop' | 'nowMs'>,
  { look, isOver, later }: Wait<State>,
): Promise<State> {
  const untilMs = nowMs() + MAX_WAIT_MS
  let heardMs = nowMs()
  for (;;) {
    try {
      const state = await look()
      if (isOver(state)) return state
      heardMs = nowMs()
    } catch (error) {
      const mayPass = error instanceof CliError && error.exitCode === EXIT.ours
      if (!mayPass || nowMs() - heardMs > MAX_SILENCE_MS) throw error
    }
    if (stop.aborted || nowMs() > untilMs) {
      throw new CliError(EXIT.ours, `Not waited for any longer; the work goes on. Look again: ${later}`)
    }
    // An interruption is told after the next look.
    await sleep(POLL_MS, undefined, { signal: stop }).catch(() => undefined)
  }
}
