/** What people's ratings say of a task together. The one place that decides it. Pure. */

/** A reviewer's rating that holds, or the adjudicator's. */
export type Rating = {
  /** 1 to k; 0 is the adjudicator's. */
  place: number
  person: string
  /** 0…1, on the queue's scale. */
  value: number
}

/** `unanimous`: any disagreement is adjudicated. `majority`: more than half of the k settle it among themselves. */
export type DecideBy = 'unanimous' | 'majority'

export type TaskState =
  /** Fewer than k have rated. */
  | { state: 'open' }
  /** The k have rated and do not agree as the queue demands: it waits for somebody who is none of them. */
  | { state: 'disputed' }
  | { state: 'settled'; truth: number; by: 'reviewers' | 'adjudicator' }

/**
 * An adjudicated value is the truth, whatever reviewers correct afterwards. Otherwise, once all k have rated, what they all
 * said, or what more than half of them said where the queue takes the majority.
 */
export function stateOf(
  ratings: readonly Rating[],
  { reviewers, decide }: { reviewers: number; decide: DecideBy },
): TaskState {
  const adjudicated = ratings.find(({ place }) => place === 0)
  if (adjudicated !== undefined) return { state: 'settled', truth: adjudicated.value, by: 'adjudicator' }
  const own = ratings.filter(({ place }) => place > 0)
  if (own.length < reviewers) return { state: 'open' }
  const counts = new Map<number, number>()
  for (const { value } of own) counts.set(value, (counts.get(value) ?? 0) + 1)
  const needed = decide === 'unanimous' ? own.length : Math.floor(own.length / 2) + 1
  for (const [value, count] of counts) {
    if (count >= needed) return { state: 'settled', truth: value, by: 'reviewers' }
  }
  return { state: 'disputed' }
}
