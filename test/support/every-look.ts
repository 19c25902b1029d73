/** How often something that should never happen happens at any of many looks. */

/**
 * The exact chance that yes and no of this rate are `isOut` after any of the first `looks`: all paths that were not out yet are
 * carried on, by their number of successes.
 */
export function chanceOfEver(
  rate: number,
  looks: number,
  isOut: (successes: number, trials: number) => boolean,
): number {
  let inside = [1]
  let out = 0
  for (let trials = 1; trials <= looks; trials += 1) {
    const next = Array.from(
      { length: trials + 1 },
      (_, successes) => (inside[successes] ?? 0) * (1 - rate) + (inside[successes - 1] ?? 0) * rate,
    )
    for (const [successes, chance] of next.entries()) {
      if (chance < 1e-15 || !isOut(successes, trials)) continue
      out += chance
      next[successes] = 0
    }
    inside = next
  }
  return out
}

/** Looks ever rarer: each a tenth later than the one before. */
export function sparseLooks(from: number, to: number, growth = 1.1): number[] {
  const looks: number[] = []
  for (let at = from; at < to; at = Math.ceil(at * growth)) looks.push(at)
  return [...looks, to]
}
