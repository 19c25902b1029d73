/** Why an answer takes longer: it waited, the first token came later, it is longer, or its tokens come slower. Pure and exact. */

import type { Unknown } from '../alerts/alert.ts'
import { changeOf, productChange, ratioPair } from './midpoint.ts'
import type { Amounts } from './model-cost.ts'
import { sumPair, type Windows } from './places.ts'

/**
 * Milliseconds of the mean answer that streamed and told its tokens; both windows must have some. Mean duration = queue + first token +
 * n·v, with n output tokens at v milliseconds each: Δ(n·v) = Δn·v̄ (length) + n̄·Δv (speed).
 */
export function durationChange(windows: Windows): Amounts {
  const timed = sumPair(windows, (figures) => figures.timed)
  const tokens = sumPair(windows, (figures) => figures.timedOutputTokens)
  const generation = sumPair(windows, (figures) => figures.generationMs)
  const length = productChange(ratioPair(tokens, timed), ratioPair(generation, tokens)).first
  // The rest, and not n̄·Δv again: answers without a single token have no speed, and take time all the same.
  const speed = changeOf(ratioPair(generation, timed)) - length
  return { ...ttftChange(windows), length, speed }
}

/** Milliseconds to the first token: before the last attempt was sent, and from then on. */
export function ttftChange(windows: Windows): Amounts {
  const timed = sumPair(windows, (figures) => figures.timed)
  const queue = sumPair(windows, (figures) => figures.queueMs)
  const firstToken = sumPair(windows, (figures) => figures.firstTokenMs)
  return { queue: changeOf(ratioPair(queue, timed)), first_token: changeOf(ratioPair(firstToken, timed)) }
}

/** Completed answers of either window that no part is known of. */
export function notTimed(windows: Windows): readonly Unknown[] {
  const { before, after } = sumPair(windows, ({ outcomes, timed }) => Math.max(0, outcomes.completed - timed))
  return before + after === 0 ? [] : [{ reason: 'not_timed', requests: before + after }]
}
