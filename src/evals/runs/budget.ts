/** What a run may spend, and whether one more call is likely to fit. Money is known only when an answer is there. */

import { formatUsd } from '../../lib/money.ts'

export class Budget {
  readonly #cap: bigint | null
  #spent = 0n
  #answers = 0
  #underWay = 0
  #unpriced = false
  /** Wakes those who wait for a call to be settled. */
  #waiting: (() => void)[] = []

  /** Micro-USD; null without a cap. */
  constructor(cap: bigint | null) {
    this.#cap = cap
  }

  /**
   * What was paid before this worker began, and for how many answers whose price is known. Others do not count against it: a
   * price may have been set since, and the next answer tells.
   */
  spent(cost: bigint, answers: number): void {
    this.#spent += cost
    this.#answers += answers
  }

  /**
   * Null when a call may be made; it then counts as under way until `settle`. Otherwise the sentence that says why not: what
   * is under way and one more, each at the mean so far, would go beyond the cap. Before a first answer nothing is known, so
   * one call goes alone.
   */
  reserve(): string | null {
    const refused = this.#refusal()
    if (refused === null) this.#underWay += 1
    return refused
  }

  /**
   * As `reserve`, in the order in which it is asked: while calls are under way they may cost less than feared, so the last word
   * is had when none is.
   */
  async reserveInTurn(): Promise<string | null> {
    let refused = this.reserve()
    while (refused !== null && this.#underWay > 0) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
      refused = this.reserve()
    }
    return refused
  }

  /** Whether a call would be made if it were asked for now. Reserves nothing. */
  canSpend(): boolean {
    return this.#refusal() === null
  }

  #refusal(): string | null {
    const cap = this.#cap
    if (cap === null) return null
    if (this.#unpriced) {
      return 'An answer has no known price, so the budget cannot be held. Set one: aval price set --help'
    }
    if (this.#answers === 0 && this.#underWay > 0) return 'What an answer costs is known with the first one.'
    const mean = this.#answers === 0 ? 0n : this.#spent / BigInt(this.#answers)
    const expected = this.#spent + mean * BigInt(this.#underWay + 1)
    if ((this.#spent >= cap && this.#answers > 0 && mean > 0n) || cap === 0n || expected > cap) {
      return `The budget of ${formatUsd(cap)} is spent: ${formatUsd(this.#spent)} of it on ${this.#answers} answers.`
    }
    return null
  }

  /** `cost` in micro-USD; null for an answer whose price is unknown. Only answers say what one costs. */
  settle(cost: string | null, isAnswer: boolean): void {
    this.#underWay -= 1
    this.charge(cost)
    if (cost !== null && isAnswer) this.#answers += 1
    for (const wake of this.#waiting.splice(0)) wake()
  }

  /** What was paid besides, such as for judging an answer; null when a price is unknown. */
  charge(cost: string | null): void {
    if (cost === null) this.#unpriced = true
    else this.#spent += BigInt(cost)
  }
}
