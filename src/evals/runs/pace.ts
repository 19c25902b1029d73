/**
 * How many calls of a run are under way at once: up by one after a round without complaint, halved when the subject says
 * that it has too much to do (additive increase, multiplicative decrease: Chiu and Jain 1989,
 * https://doi.org/10.1016/0169-7552(89)90019-6). Traffic on the same upstream is what fills it, so a run makes room.
 */

/** Complaints of one burst are one complaint. */
const HOLD_MS = 1_000

export class Pace {
  readonly #most: number
  #limit: number
  #answered = 0
  #heldUntilMs = Number.NEGATIVE_INFINITY

  /** Begins with half of `most`, so that a subject without room hears of it before all calls are on their way. */
  constructor(most: number) {
    this.#most = Math.max(1, most)
    this.#limit = Math.max(1, Math.ceil(most / 2))
  }

  /** How many may be under way now. */
  get limit(): number {
    return Math.floor(this.#limit)
  }

  answered(): void {
    this.#answered += 1
    if (this.#answered < this.#limit) return
    this.#answered = 0
    this.#limit = Math.min(this.#most, this.#limit + 1)
  }

  overloaded(nowMs: number): void {
    if (nowMs < this.#heldUntilMs) return
    this.#heldUntilMs = nowMs + HOLD_MS
    this.#answered = 0
    this.#limit = Math.max(1, this.#limit / 2)
  }
}
