/**
 * A gateway tells workers once a second what it has under way at upstreams and what these complained of, and tells
 * nothing while there is nothing to say. Serving never waits for it, and never fails by it.
 */

import { randomUUID } from 'node:crypto'
import type { Sql } from 'postgres'
import { answered, Follower } from '../../db/follower.ts'
import { putLoad, removeLoad } from './load-rows.ts'
import type { Figures, Loads } from './loads.ts'

const EVERY_MS = 1_000

export type Publishing = {
  /** Tells at once. Never rejects. */
  tell(): Promise<void>
  /** Takes away what was told, as far as the database answers. */
  stop(): Promise<void>
}

/** Each kind of failure is told to `onProblem` once; the next second tries again. */
export function publishLoads(
  { sql, loads, everyMs = EVERY_MS }: { sql: Sql; loads: Loads; everyMs?: number },
  onProblem: (error: unknown) => void,
): Publishing {
  const process = randomUUID()
  let hasTold = false
  const follower = new Follower({
    // Nobody asks for it: it is told by the clock alone.
    listen: async () => async () => {},
    pollMs: () => jittered(everyMs, Math.random),
    look: async () => {
      const told = sharedOnly(loads)
      if (told.size === 0 && !hasTold) return
      await answered(putLoad(sql, { process, kind: 'traffic' }, told))
      hasTold = told.size > 0
    },
    onProblem,
    onCurrentAgain: () => {},
    onNotListening: () => {},
  })
  void follower.start()
  return {
    tell: () => follower.look(),
    async stop() {
      await follower.stop()
      await answered(removeLoad(sql, process)).catch(onProblem)
    },
  }
}

/** Processes that began together do not ask the database together for ever. */
export function jittered(everyMs: number, random: () => number): number {
  return everyMs * (0.9 + 0.2 * random())
}

/** What is to be told to others: not of models inside this process, which nobody else asks. */
function sharedOnly(loads: Loads): Map<string, Figures> {
  return new Map([...loads.take()].filter(([upstream]) => loads.find(upstream)?.shared === true))
}
