/**
 * Keeps something in memory current with the database: looks when NOTIFY says so, and in any case every while. It never
 * rejects: a look that fails keeps what there is, and the next one tries again.
 */

import type { DatabaseConnection } from './client.ts'

/** Calls back on each change it hears of, and again after a lost connection is back. Returns how to stop. */
export type Listen = (onChange: () => void) => Promise<() => Promise<void>>

export type FollowerSetup = {
  listen: Listen
  /** Asked again before each wait. */
  pollMs: number | (() => number)
  /**
   * Brings what is in memory up to date; it should begin with a counter, so that most looks cost one small query. It
   * bounds its own waits, see `answered`.
   */
  look: () => Promise<void>
  /** Each kind of failure once, until a look succeeds; and the first success after a failure. */
  onProblem: (error: unknown) => void
  onCurrentAgain: () => void
  /** Each kind once, until it is heard again: what there is stays current by the poll. */
  onNotListening: (error: unknown) => void
}

export class Follower {
  readonly #setup: FollowerSetup
  #problem: string | null = null
  #deafness: string | null = null
  #looking: Promise<void> | null = null
  #again = false
  #timer: NodeJS.Timeout | null = null
  #listening = false
  #unlisten: (() => Promise<void>) | null = null
  #stopped = false

  constructor(setup: FollowerSetup) {
    this.#setup = setup
  }

  /** Why the last look failed, null when it did not. */
  get problem(): string | null {
    return this.#problem
  }

  /** Resolves after the first look. */
  async start(): Promise<void> {
    await this.look()
    this.#schedule()
  }

  /** A call during a look makes one more, which sees what it was called for. */
  async look(): Promise<void> {
    if (this.#looking !== null) {
      this.#again = true
      return await this.#looking
    }
    this.#looking = this.#untilSettled()
    try {
      await this.#looking
    } finally {
      this.#looking = null
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#looking
    await this.#unlisten?.().catch(() => undefined)
  }

  async #untilSettled(): Promise<void> {
    do {
      this.#again = false
      try {
        await this.#setup.look()
        this.#listen()
        if (this.#problem !== null) this.#setup.onCurrentAgain()
        this.#problem = null
      } catch (error) {
        this.#fail(error)
      }
    } while (this.#again && !this.#stopped)
  }

  #fail(error: unknown): void {
    const problem = messageOf(error)
    if (this.#problem !== problem) this.#setup.onProblem(error)
    this.#problem = problem
  }

  #schedule(): void {
    if (this.#stopped) return
    const { pollMs } = this.#setup
    this.#timer = setTimeout(
      () => {
        void this.look().then(() => this.#schedule())
      },
      typeof pollMs === 'number' ? pollMs : pollMs(),
    )
    this.#timer.unref()
  }

  /** NOTIFY only shortens the wait: where it cannot be had the poll keeps the promise, and the next look tries again. */
  #listen(): void {
    if (this.#listening || this.#stopped) return
    this.#listening = true
    this.#setup
      .listen(() => void this.look())
      .then(async (unlisten) => {
        this.#deafness = null
        if (this.#stopped) await unlisten()
        else this.#unlisten = unlisten
      })
      .catch((error: unknown) => {
        this.#listening = false
        const deafness = messageOf(error)
        // Tried again at every look: told each time, it would be all that the log says.
        if (this.#deafness !== deafness) this.#setup.onNotListening(error)
        this.#deafness = deafness
      })
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/**
 * LISTEN on a channel. It takes one connection of its own, which postgres.js opens again when lost. The embedded
 * database has one session behind all connections and cannot address one of them: there the poll does it.
 */
export function listenOn(
  { sql, embedded }: Pick<DatabaseConnection, 'sql' | 'embedded'>,
  channel: string,
): Listen {
  return async (onChange) => {
    if (embedded) return async () => undefined
    const listening = await sql.listen(channel, onChange, onChange)
    return () => listening.unlisten()
  }
}

/** What the database answers; rejects when it has not within the time, so that a look that hangs counts as failed. */
export async function answered<Answer>(answer: Promise<Answer>, limitMs = ANSWER_LIMIT_MS): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`The database did not answer within ${limitMs} ms.`)), limitMs)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}

const ANSWER_LIMIT_MS = 5000
