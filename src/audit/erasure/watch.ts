/**
 * Every gateway's ear for erasures: a subject whose keys were destroyed anywhere gets another one here within a second,
 * by NOTIFY or by a poll; and what a dead process left unfinished goes on.
 */

import type { DatabaseConnection } from '../../db/client.ts'
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
  #version: bigint | null = null
  #sinceMs: number
  #resumedMs: number | null = null
  #timer: NodeJS.Timeout | null = null
  #looking: Promise<void> | null = null
  #unlisten: (() => Promise<void>) | null = null
  #listening = false
  #problem: string | null = null
  #stopped = false

  constructor(setup: WatchSetup) {
    this.#setup = setup
    this.#sinceMs = setup.clock.nowMs() - SLACK_MS
  }

  start(): void {
    void this.look().then(() => this.#schedule())
  }

  /** Looks now, or waits for the look under way. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null
    })
    return this.#looking
  }

  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#looking
    await this.#unlisten?.().catch(() => undefined)
  }

  async #look(): Promise<void> {
    try {
      await this.#forget()
      await this.#resume()
      this.#listen()
      this.#problem = null
    } catch (error) {
      this.#tell(error)
    }
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

  /** The embedded database has one session behind all connections and cannot address one: there the poll does it. */
  #listen(): void {
    const { connection } = this.#setup
    if (this.#listening || this.#stopped || connection.embedded) return
    this.#listening = true
    const changed = () => void this.look()
    connection.sql
      .listen(ERASURES_CHANNEL, changed, changed)
      .then(async ({ unlisten }) => {
        if (this.#stopped) await unlisten()
        else this.#unlisten = unlisten
      })
      .catch((error: unknown) => {
        this.#listening = false
        this.#tell(error)
      })
  }

  #tell(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error)
    if (this.#problem !== message) this.#setup.onProblem(message)
    this.#problem = message
  }

  #schedule(): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => {
      void this.look().then(() => this.#schedule())
    }, this.#setup.pollMs ?? POLL_MS)
    this.#timer.unref()
  }
}
