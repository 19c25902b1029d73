/** How fast a long command goes now, and how long it still takes at that. */

/** Shorter and the first figure is chance. */
const MIN_SECONDS = 1
/** What is looked back on: long enough to be steady, short enough to say how fast it goes now. */
const SPAN_MS = 30_000
/** Looks closer together say nothing more, and would fill memory. */
const APART_MS = 250

export class Rate {
  readonly #nowMs: () => number
  #phase: string | null = null
  #looks: { atMs: number; done: number }[] = []

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  /** `120/s  4 s left`; empty until it is known. Each phase is measured from its first step. */
  text(phase: string, done: number, total: number | null): string {
    const atMs = this.#nowMs()
    if (phase !== this.#phase) {
      this.#phase = phase
      this.#looks = []
    }
    if (atMs - (this.#looks.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY) >= APART_MS)
      this.#looks.push({ atMs, done })
    while (this.#looks.length > 1 && (this.#looks[0]?.atMs ?? atMs) < atMs - SPAN_MS) this.#looks.shift()
    const [first = { atMs, done }] = this.#looks
    const seconds = (atMs - first.atMs) / 1000
    const made = done - first.done
    if (seconds < MIN_SECONDS || made <= 0) return ''
    const perSecond = made / seconds
    const left = total === null ? '' : `  ${roughly((total - done) / perSecond)} left`
    return `${perSecond >= 10 ? Math.round(perSecond) : perSecond.toFixed(1)}/s${left}`
  }
}

/** An estimate has no decimals: `90 s`, `12 min`, `3 h`. */
export function roughly(seconds: number): string {
  if (seconds < 120) return `${Math.ceil(seconds)} s`
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`
}
