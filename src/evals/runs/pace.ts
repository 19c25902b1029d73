/**
 * The pace of all runs of a worker: each call waits for room at the upstream that it goes to. Room is what the traffic of all
 * gateways leaves there, shared with the other workers; what these processes say of each other they learn once a second.
 */

import { randomUUID } from 'node:crypto'
import type { Sql } from 'postgres'
import { answered, Follower } from '../../db/follower.ts'
import {
  type LoadRow,
  putLoad,
  readLoads,
  removeLoad,
  type ToldFigures,
} from '../../gateway/load/load-rows.ts'
import type { Figures, Loads } from '../../gateway/load/loads.ts'
import { jittered } from '../../gateway/load/publish.ts'
import type { Clock } from '../../lib/clock.ts'
import { Place } from './pace-place.ts'
import { type Before, viewOf } from './pace-view.ts'

/** A call, as far as its pace goes. */
type PacedCall = { projectId: string; runId: string; model: string; signal: AbortSignal }
/** To be called once when the call has ended, with the upstream that was asked last; null when none was. */
export type Leave = (upstream: string | null) => void

export type Pace = {
  /** Resolves when the call may begin. Rejects with the signal's reason. */
  enter(call: PacedCall): Promise<Leave>
}
export type SharedPace = Pace & {
  /** Tells what runs have under way, learns what others have, and begins what has room by it. Never rejects. */
  look(): Promise<void>
  /** Once no call is under way. Never rejects. */
  close(): Promise<void>
}

export type PaceDeps = { sql: Sql; clock: Clock; loads: Loads; everyMs?: number }

const EVERY_MS = 1_000
/** Subjects and judges whose upstream is remembered; the oldest is forgotten beyond this, and learnt again. */
const MAX_MODELS = 1_000
/** What an upstream bears is remembered so long after the last call. */
const REMEMBERED_MS = 60_000
/** Figures that were read longer ago say nothing of how many answers came since. */
const LATE_MS = 5_000

/** Each kind of failure is told to `onProblem` once; meanwhile the pace goes by what it knew. */
export function createPace(deps: PaceDeps, onProblem: (error: unknown) => void): SharedPace {
  return new LivePace(deps, onProblem)
}

class LivePace implements SharedPace {
  readonly #deps: PaceDeps
  readonly #onProblem: (error: unknown) => void
  readonly #process = randomUUID()
  readonly #places = new Map<string, Place>()
  /** Which place the calls of a model go to: its upstream, once one of them has ended. */
  readonly #placeOf = new Map<string, string>()
  readonly #follower: Follower
  #hasTold = false
  #before: Before = { atMs: Number.NEGATIVE_INFINITY, answered: new Map() }

  constructor(deps: PaceDeps, onProblem: (error: unknown) => void) {
    this.#deps = deps
    this.#onProblem = onProblem
    const { everyMs = EVERY_MS } = deps
    this.#follower = new Follower({
      // Nobody asks for it: it is looked by the clock alone.
      listen: async () => async () => {},
      pollMs: () => jittered(everyMs, Math.random),
      look: () => this.#look(),
      onProblem,
      onCurrentAgain: () => {},
      onNotListening: () => {},
    })
    void this.#follower.start()
  }

  async enter({ projectId, runId, model, signal }: PacedCall): Promise<Leave> {
    signal.throwIfAborted()
    const name = `${projectId} ${model}`
    const wanted = this.#place(this.#placeOf.get(name) ?? unknown(name))
    const isOld = wanted.isIdle && wanted.limit !== null && wanted.narrowIfOld()
    const entering = wanted.enter({ name, runId, signal })
    if (isOld) void this.look()
    const place = await entering
    return (upstream) => {
      const learnt = upstream === null ? place : this.#learn(name, upstream)
      place.leave(name, learnt)
    }
  }

  look(): Promise<void> {
    return this.#follower.look()
  }

  async close(): Promise<void> {
    await this.#follower.stop()
    await answered(removeLoad(this.#deps.sql, this.#process)).catch(this.#onProblem)
  }

  #place(name: string): Place {
    const known = this.#places.get(name)
    if (known !== undefined) return known
    const { clock, loads } = this.#deps
    const made = new Place(clock, () => loads.find(name))
    this.#places.set(name, made)
    return made
  }

  #learn(name: string, upstream: string): Place {
    const isNew = this.#placeOf.get(name) !== upstream
    if (isNew) {
      const oldest = this.#placeOf.size >= MAX_MODELS ? this.#placeOf.keys().next().value : undefined
      if (oldest !== undefined) this.#placeOf.delete(oldest)
      this.#placeOf.set(name, upstream)
      this.#places.delete(unknown(name))
    }
    const place = this.#place(upstream)
    // Until it is known what others have under way there, calls go one at a time.
    if (place.limit === null) void this.look()
    return place
  }

  async #look(): Promise<void> {
    const { sql, clock } = this.#deps
    const own = this.#take()
    if (own.size === 0 && !this.#hasTold) return
    try {
      const told = this.#told(own)
      if (told.size > 0 || this.#hasTold) {
        await answered(putLoad(sql, { process: this.#process, kind: 'runs' }, told))
      }
      this.#hasTold = told.size > 0
      this.#see(told.size > 0 ? await answered(readLoads(sql)) : [], own)
    } finally {
      // Whatever the database says, an upstream's wish to be left alone ends.
      for (const place of this.#places.values()) place.begin()
      this.#forget(clock.monotonicMs())
    }
  }

  /** The figures of what was asked, and of what has something to ask. */
  #take(): Map<string, ToldFigures> {
    const taken = this.#deps.loads.take()
    const told = new Map<string, ToldFigures>(taken)
    for (const [upstream, place] of this.#places) {
      if (place.isIdle) continue
      const figures = taken.get(upstream) ?? NOTHING
      // A call that has entered may not have reached the upstream yet.
      const underWay = Math.max(figures.underWay, place.entered)
      told.set(upstream, { ...figures, underWay, runs: place.figures() })
    }
    return told
  }

  /** What others may know: not of models in this process, nor of calls whose upstream is not known. */
  #told(own: ReadonlyMap<string, ToldFigures>): Map<string, ToldFigures> {
    return new Map([...own].filter(([upstream]) => this.#deps.loads.find(upstream)?.shared === true))
  }

  #see(rows: readonly LoadRow[], own: ReadonlyMap<string, ToldFigures>): void {
    const nowMs = this.#deps.clock.monotonicMs()
    const isLate = nowMs - this.#before.atMs > LATE_MS
    const before: Before = isLate ? { atMs: nowMs, answered: new Map() } : this.#before
    const all = [...rows.filter(({ process }) => process !== this.#process), ownRow(this.#process, own)]
    for (const [upstream, place] of this.#places) {
      if (!isUnknown(upstream)) place.see(viewOf(all, { process: this.#process, upstream, nowMs, before }))
    }
    const answeredBy = all.flatMap(({ process, upstreams }) =>
      Object.entries(upstreams).map(
        ([upstream, figures]) => [`${process} ${upstream}`, figures.answered] as const,
      ),
    )
    this.#before = { atMs: nowMs, answered: new Map([...before.answered, ...answeredBy].slice(-MAX_MODELS)) }
  }

  #forget(nowMs: number): void {
    for (const [name, place] of this.#places) {
      if (place.isIdle && nowMs - place.usedAtMs > REMEMBERED_MS) this.#places.delete(name)
    }
  }
}

const NOTHING: Figures = { underWay: 0, answered: 0, complainedMs: null, waitMs: 0 }

function ownRow(process: string, own: ReadonlyMap<string, ToldFigures>): LoadRow {
  return { process, kind: 'runs', ageMs: 0, upstreams: Object.fromEntries(own) }
}

/** No upstream has such a name. Its place lets one call go at a time. */
function unknown(name: string): string {
  return `? ${name}`
}

function isUnknown(place: string): boolean {
  return place.startsWith('? ')
}
