/**
 * Every gateway's ear for erasures: a subject whose keys were destroyed anywhere gets another one here within a second,
 * by NOTIFY or by a poll; and what a dead process left unfinished goes on.
 */

import type { DatabaseConnection } from '../../db/client.ts'
import { Follower, listenOn } from '../../db/follower.ts'
import { ERASURES_CHANNEL } from './channel.ts'
import { type ExecuteDeps, resumeErasures } from './execute.ts'
import { listErasedSince, readErasuresVersion } from './store.ts'

export type WatchSetup = ExecuteDeps & {
  connection: Pick<DatabaseConnection, 'sql' | 'embedded'>
  /** Each kind of failure once, until it is over. */
  onProblem: (message: string) => void
  /** For tests; 400 ms when not given. */
  pollMs?: number
}

/** Half of the promised second, so that a poll that just missed it still keeps it. */
const POLL_MS = 400
const RESUME_MS = 30_000
/** Transactions commit later than the time they wrote, and clocks differ. */
const SLACK_MS = 60_000

/** Follows erasures until `stop`. Never rejects: while the database is away nothing can be erased either. */
export function watchErasures(setup: WatchSetup): ErasureWatch {
  const watch = new ErasureWatch(setup)
  watch.start()
  return watch
}

export class ErasureWatch {
  readonly #setup: WatchSetup
  readonly #follower: Follower
  #version: bigint | null = null
  #sinceMs: number
  #resumedMs: number | null = null

  constructor(setup: WatchSetup) {
    this.#setup = setup
    this.#sinceMs = setup.clock.nowMs() - SLACK_MS
    const tell = (error: unknown) => setup.onProblem(error instanceof Error ? error.message : String(error))
    this.#follower = new Follower({
      listen: listenOn(setup.connection, ERASURES_CHANNEL),
      pollMs: setup.pollMs ?? POLL_MS,
      look: async () => {
        await this.#forget()
        await this.#resume()
      },
      onProblem: tell,
      onCurrentAgain: () => undefined,
      onNotListening: tell,
    })
  }

  start(): void {
    void this.#follower.start()
  }

  /** Looks now, or once more after the look under way. */
  look(): Promise<void> {
    return this.#follower.look()
  }

  stop(): Promise<void> {
    return this.#follower.stop()
  }

  /** The version is read first: an erasure that commits meanwhile has a later one and is seen by the next look. */
  async #forget(): Promise<void> {
    const { db, clock, forgetSubject } = this.#setup
    const version = await readErasuresVersion(db)
    if (version === this.#version) return
    const askedMs = clock.nowMs()
    const erased = await listErasedSince(db, new Date(this.#sinceMs))
    for (const { projectId, subject } of erased) forgetSubject(projectId, subject)
    this.#sinceMs = askedMs - SLACK_MS
    this.#version = version
  }

  async #resume(): Promise<void> {
    const nowMs = this.#setup.clock.monotonicMs()
    if (this.#resumedMs !== null && nowMs - this.#resumedMs < RESUME_MS) return
    this.#resumedMs = nowMs
    await resumeErasures(this.#setup)
  }
}
