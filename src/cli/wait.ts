/** Waiting for work that goes on elsewhere: asked again and again, until it is over, the person has enough, or a day is. */

import { setTimeout as sleep } from 'node:timers/promises'
import type { CliContext } from './context.ts'
import { CliError, EXIT } from './exit-codes.ts'

const POLL_MS = 500
/** Whoever waits longer has forgotten that he does. */
const MAX_WAIT_MS = 24 * 3_600_000

/** Throws CliError with `later`, how to look again, when waiting ends before the work. */
export async function waitUntil<State>(
  { stop, nowMs }: Pick<CliContext, 'stop' | 'nowMs'>,
  wait: { look: () => Promise<State>; isOver: (state: State) => boolean; later: string },
): Promise<State> {
  const { look, isOver, later } = wait
  const untilMs = nowMs() + MAX_WAIT_MS
  for (;;) {
    const state = await look()
    if (isOver(state)) return state
    if (stop.aborted || nowMs() > untilMs) {
      throw new CliError(EXIT.ours, `Not waited for any longer; the work goes on. Look again: ${later}`)
    }
    // An interruption is told by the next look.
    await sleep(POLL_MS, undefined, { signal: stop }).catch(() => undefined)
  }
}
