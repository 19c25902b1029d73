/** How fast a long command goes and how long it still takes, from what it has done so far. */

import { formatDuration } from './format.ts'

/** Shorter and the first figure is chance. */
const MIN_SECONDS = 1

export class Rate {
  readonly #nowMs: () => number
  #phase: string | null = null
  #first = { atMs: 0, done: 0 }

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  /** `120/s  3.10 s left`; empty until it is known. Each phase is measured from its first step. */
  text(phase: string, done: number, total: number | null): string {
    if (phase !== this.#phase) {
      this.#phase = phase
      this.#first = { atMs: this.#nowMs(), done }
    }
    const seconds = (this.#nowMs() - this.#first.atMs) / 1000
    const made = done - this.#first.done
    if (seconds < MIN_SECONDS || made <= 0) return ''
    const perSecond = made / seconds
    const left = total === null ? '' : `  ${formatDuration(((total - done) / perSecond) * 1000)} left`
    return `${perSecond >= 10 ? Math.round(perSecond) : perSecond.toFixed(1)}/s${left}`
  }
}
