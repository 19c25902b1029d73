/** Pairs of yes and no: only those that differ say which run is better. McNemar's test and Tango's interval. Pure. */

import { binomialCdf, normalQuantile } from './distributions.ts'
import { requireProbability, requireWhole } from './inputs.ts'

/** Pairs that the other run won and lost. */
export type Discordant = { won: number; lost: number }

/** Halvings of [−1, 1], after which what is left is less than the last bit of a score. */
const HALVINGS = 60

/**
 * Two-sided exact p: 2 · P(Bin(won + lost, ½) ≤ the smaller), at most 1 (McNemar 1947, https://doi.org/10.1007/BF02295996).
 * Never errs more often than it says, and so finds less than the mid-p does.
 */
export function mcnemarExactP({ won, lost }: Discordant): number {
  requireWhole('won', won, 0)
  requireWhole('lost', lost, 0)
  return Math.min(1, 2 * binomialCdf(Math.min(won, lost), won + lost, 0.5))
}

/**
 * Two-sided mid-p: half of the chance of what was seen is taken off on each side. Recommended over the exact p, which is too
 * careful, by Fagerland, Lydersen and Laake 2013 (https://doi.org/10.1186/1471-2288-13-91).
 */
export function mcnemarMidP({ won, lost }: Discordant): number {
  requireWhole('won', won, 0)
  requireWhole('lost', lost, 0)
  if (won === lost) return 1
  const least = Math.min(won, lost)
  const [upTo, below] = [binomialCdf(least, won + lost, 0.5), binomialCdf(least - 1, won + lost, 0.5)]
  return upTo + below
}

/**
 * Tango's score interval of the difference (won − lost) / pairs: the differences Δ that the score test does not reject
 * (Tango 1998, https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8%3C891::AID-SIM780%3E3.0.CO;2-B, equations 7 to 10;
 * compared with others by Fagerland, Lydersen and Laake 2014, https://doi.org/10.1002/sim.6148). It has a width also where no
 * pair differs. Counts may be scaled to an effective size. Throws RangeError unless won + lost ≤ pairs and pairs > 0.
 */
export function tangoInterval(
  { won, lost }: Discordant,
  pairs: number,
  confidence: number,
): { low: number; high: number } {
  requireProbability('confidence', confidence)
  // Counts that were scaled to an effective size may exceed it in their last bit.
  if (!(won >= 0 && lost >= 0 && pairs > 0 && won + lost <= pairs * (1 + 1e-12))) {
    throw new RangeError(`${won} pairs won and ${lost} lost are not among ${pairs}.`)
  }
  const z = normalQuantile((1 + confidence) / 2)
  const estimate = (won - lost) / pairs
  return {
    low: crossing(-1, estimate, (difference) => tangoScore(won, lost, pairs, difference) > z),
    high: crossing(estimate, 1, (difference) => tangoScore(won, lost, pairs, difference) > -z),
  }
}

/** How many standard errors the data lie above `difference`, at the most likely discordance given that difference. */
function tangoScore(won: number, lost: number, pairs: number, difference: number): number {
  const above = won - lost - pairs * difference
  if (above === 0) return 0
  const linear = (2 * pairs - won + lost) * difference - won - lost
  const root = Math.sqrt(linear * linear + 8 * pairs * lost * difference * (1 - difference))
  const lostShare = (root - linear) / (4 * pairs)
  const variance = pairs * (2 * lostShare + difference * (1 - difference))
  return variance <= 0 ? Math.sign(above) * Number.POSITIVE_INFINITY : above / Math.sqrt(variance)
}

/** Where `isBelow` turns from true to false between the two. */
function crossing(from: number, to: number, isBelow: (value: number) => boolean): number {
  let [low, high] = [from, to]
  for (let step = 0; step < HALVINGS; step += 1) {
    const middle = (low + high) / 2
    if (isBelow(middle)) low = middle
    else high = middle
  }
  return (low + high) / 2
}
