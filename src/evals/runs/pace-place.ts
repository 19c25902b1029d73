/** One upstream, as the runs of a worker wait for it: who is under way there, who waits, and how much room there is. */

import type { RunFigures } from '../../gateway/load/load-rows.ts'
import type { Load } from '../../gateway/load/loads.ts'
import type { Clock } from '../../lib/clock.ts'
import { firstLimit, isNewBurst, type Limit, nextLimit, roomOf } from './limit.ts'
import type { View } from './pace-view.ts'

type Entering = { name: string; runId: string; signal: AbortSignal }
/** `place` is where it waits; it changes when it is learnt where calls of its name go. */
type Waiter = Pick<Entering, 'name' | 'runId'> & { place: Place; begin: (place: Place) => void }

/** Runs that are told of as waiting: a worker has a few at once. */
const MAX_TOLD = 16
/** What was seen so long ago says nothing of the room there is. */
const OLD_MS = 3_000

export class Place {
  readonly #clock: Clock
  readonly #load: () => Load | null
  /** Null until it was seen what others have under way here. */
  limit: Limit | null = null
  usedAtMs: number
  #view: View | null = null
  #room = 1
  #entered = 0
  #waiting: Waiter[] = []

  /** `load` is what this process itself has under way here. */
  constructor(clock: Clock, load: () => Load | null) {
    this.#clock = clock
    this.#load = load
    this.usedAtMs = clock.monotonicMs()
  }

  /** Calls that have entered and not left. */
  get entered(): number {
    return this.#entered
  }

  get isIdle(): boolean {
    return this.#entered === 0 && this.#waiting.length === 0
  }

  /** Whether nobody has looked at it lately: then calls go one at a time until somebody has. */
  narrowIfOld(): boolean {
    const seenAtMs = this.#view?.seen.nowMs ?? Number.NEGATIVE_INFINITY
    if (this.#clock.monotonicMs() - seenAtMs <= OLD_MS) return false
    this.#room = 1
    return true
  }

  figures(): RunFigures {
    return {
      wanted: this.#entered + this.#waiting.length,
      limit: this.limit?.calls ?? 0,
      waiting: [...new Set(this.#waiting.map(({ runId }) => runId))].slice(0, MAX_TOLD),
    }
  }

  /** First come, first served. Resolves with the place where room was found. Rejects with the signal's reason. */
  enter({ name, runId, signal }: Entering): Promise<Place> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        waiter.place.#waiting = waiter.place.#waiting.filter((one) => one !== waiter)
        reject(signal.reason as Error)
      }
      const waiter: Waiter = {
        name,
        runId,
        place: this,
        begin: (place) => {
          signal.removeEventListener('abort', leave)
          resolve(place)
        },
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#waiting.push(waiter)
      this.begin()
    })
  }

  /** A call has ended; those of its name that still wait here go to `learnt`, where it was answered. */
  leave(name: string, learnt: Place): void {
    this.#entered -= 1
    this.usedAtMs = this.#clock.monotonicMs()
    if (learnt !== this) {
      const moving = this.#waiting.filter((waiter) => waiter.name === name)
      for (const waiter of moving) waiter.place = learnt
      learnt.#waiting.push(...moving)
      this.#waiting = this.#waiting.filter((waiter) => waiter.name !== name)
    }
    learnt.#hear()
    learnt.begin()
    if (learnt !== this) this.begin()
  }

  /** What all processes told. */
  see(view: View): void {
    const { seen, others, limit } = view
    this.#view = view
    if (this.limit === null) {
      if (this.isIdle) return
      const first = firstLimit(seen, others, this.#entered + this.#waiting.length)
      this.limit = limit === null ? first : { ...first, calls: limit }
    }
    this.limit = nextLimit(this.limit, seen)
    this.#room = roomOf(this.limit, seen.traffic, others)
  }

  /** Begins what has room. */
  begin(): void {
    while (this.#entered < this.#room && !this.#isLeftAlone()) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#entered += 1
      this.usedAtMs = this.#clock.monotonicMs()
      next.begin(this)
    }
  }

  /** A complaint to this process counts at once, not at the next look. */
  #hear(): void {
    const load = this.#load()
    if (load === null || this.limit === null || this.#view === null) return
    if (!isNewBurst(this.limit, load.complainedAtMs)) return
    const { seen, others } = this.#view
    const { complainedAtMs } = load
    const runs = Math.max(seen.runs, load.most)
    this.limit = nextLimit(this.limit, { ...seen, runs, answered: 0, complainedAtMs })
    this.#room = roomOf(this.limit, seen.traffic, others)
  }

  #isLeftAlone(): boolean {
    const untilMs = Math.max(this.#view?.waitUntilMs ?? 0, this.#load()?.waitUntilMs ?? 0)
    return this.#clock.monotonicMs() < untilMs
  }
}
