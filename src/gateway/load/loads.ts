/**
 * What this process has under way at each upstream, and what the upstream told it of having too much to do. Written on
 * the way of every attempt: it allocates nothing for an upstream that was seen before, waits for nothing and never throws.
 */

import type { UpstreamError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { retryAfterMs } from '../retry-after.ts'
import type { Upstream } from '../snapshot.ts'

/** Statuses by which an upstream says “slower”: a limit or a quota, no room, overloaded. */
const TOO_MUCH: ReadonlySet<number | null> = new Set([429, 503, 529])
/** An upstream that asks for more is asked again all the same: a wrong header must not stop runs for a day. */
const MAX_WAIT_MS = 60_000
/** A complaint is told for so long, and what asks for figures less often than that misses it. */
const TOLD_MS = 10_000
/** Names come from aval.yaml; those that reloads took out of it are forgotten beyond this. */
const MAX_UPSTREAMS = 256

/** One upstream's figures since they were last taken. */
export type Figures = {
  /** The most attempts that were under way at once. */
  underWay: number
  /** Attempts that were answered since the process began. */
  answered: number
  /** How long ago it last said that it has too much to do; null for none in the last ten seconds. */
  complainedMs: number | null
  /** How long it still wants to be left alone. */
  waitMs: number
}

export class Load {
  /** False for models in this process, which no other process asks. */
  readonly shared: boolean
  readonly #clock: Clock
  #underWay = 0
  #most = 0
  #toldAnswered = 0
  answered = 0
  /** By `monotonicMs`; never and not at all before the first one. */
  complainedAtMs = Number.NEGATIVE_INFINITY
  waitUntilMs = Number.NEGATIVE_INFINITY

  constructor(shared: boolean, clock: Clock) {
    this.shared = shared
    this.#clock = clock
  }

  /** The most that were under way at once since the figures were last taken. */
  get most(): number {
    return this.#most
  }

  get isIdle(): boolean {
    return this.#underWay === 0
  }

  began(): void {
    this.#underWay += 1
    if (this.#underWay > this.#most) this.#most = this.#underWay
  }

  ended(): void {
    this.#underWay -= 1
  }

  /** Takes every failure of an attempt; most are no complaint. */
  failed({ upstreamStatus, code, headers }: UpstreamError): void {
    if (!TOO_MUCH.has(upstreamStatus) && code !== 'upstream_rate_limited' && code !== 'local_queue_full')
      return
    const nowMs = this.#clock.monotonicMs()
    this.complainedAtMs = nowMs
    const untilMs = nowMs + Math.min(MAX_WAIT_MS, retryAfterMs(headers) ?? 0)
    if (untilMs > this.waitUntilMs) this.waitUntilMs = untilMs
  }

  /** Null when there is nothing to say. */
  take(): Figures | null {
    const nowMs = this.#clock.monotonicMs()
    const complainedMs = nowMs - this.complainedAtMs
    const figures = {
      underWay: this.#most,
      answered: this.answered,
      complainedMs: complainedMs <= TOLD_MS ? Math.round(complainedMs) : null,
      waitMs: Math.max(0, Math.round(this.waitUntilMs - nowMs)),
    }
    const isNews = this.answered !== this.#toldAnswered || figures.complainedMs !== null
    if (this.#most === 0 && figures.waitMs === 0 && !isNews) return null
    this.#most = this.#underWay
    this.#toldAnswered = this.answered
    return figures
  }
}

export type Loads = {
  /** The same object for an upstream's name as long as it has something under way. */
  of(upstream: Pick<Upstream, 'name' | 'baseUrl'>): Load
  find(upstream: string): Load | null
  /** What there is to say of each, by name. Begins a new span of time for the most under way. */
  take(): Map<string, Figures>
}

export function createLoads(clock: Clock): Loads {
  const loads = new Map<string, Load>()
  return {
    of(upstream) {
      const known = loads.get(upstream.name)
      if (known !== undefined) return known
      if (loads.size >= MAX_UPSTREAMS) forgetIdle(loads)
      const made = new Load(upstream.baseUrl !== null, clock)
      loads.set(upstream.name, made)
      return made
    },
    find: (upstream) => loads.get(upstream) ?? null,
    take() {
      const taken = new Map<string, Figures>()
      for (const [upstream, load] of loads) {
        const figures = load.take()
        if (figures !== null) taken.set(upstream, figures)
      }
      return taken
    },
  }
}

function forgetIdle(loads: Map<string, Load>): void {
  for (const [name, load] of loads) if (load.isIdle) loads.delete(name)
}
