/** What a calibration has to show before its judge may decide. All such limits stand here. Pure. */

/**
 * The lower end of kappa (weighted for grades). "Substantial" agreement begins here for Landis and Koch 1977
 * (https://doi.org/10.2307/2529310); the lower end, because a judge let through wrongly blocks or passes releases, and one kept
 * out wrongly only asks for more ratings.
 */
const MIN_KAPPA_LOW = 0.6
/** With fewer truths the bootstrap interval of kappa is narrower than it says, and the rule above would rest on it. */
const MIN_TRUTHS = 30
/**
 * Of each of yes and no, and of two grades at least. From 10 without a mistake a 95 % interval still reaches down to 0.69
 * (Clopper and Pearson 1934, https://doi.org/10.1093/biomet/26.4.404); fewer say next to nothing of a judge's mistakes.
 */
const MIN_OF_EACH = 10
/**
 * Of the first tasks of the draw, up to the last that anybody saw, the share that has a truth. What people skip and never settle
 * are the hard ones: without them a judge looks better than it is. Ratings brought from elsewhere for chosen tasks fall short too.
 */
const MIN_SETTLED_SHARE = 0.9

/** How many tasks are settled, and the number of the last that anybody saw. */
type Settling = { settled: number; begun: number }

/** True for tasks that are a random sample still, as next to none of those begun is missing. */
export function isSettled({ settled, begun }: Settling): boolean {
  return settled >= MIN_SETTLED_SHARE * begun
}

export type CalibrationFacts = {
  /** Lower end; null where kappa is undefined. */
  kappaLow: number | null
  truths: number
  /** How many truths each answer has: no and yes, or each grade. */
  counts: Readonly<Record<string, number>>
  progress: Settling
  /** Models that judge; a name without a slash is a route. */
  models: readonly string[]
}

/** What is missing, as sentences; none when the judge may decide. */
export function missesOf({ kappaLow, truths, counts, progress, models }: CalibrationFacts): string[] {
  const misses: string[] = []
  if (truths < MIN_TRUTHS) misses.push(`${truths} truths, and ${MIN_TRUTHS} are needed.`)
  const enough = Object.values(counts).filter((count) => count >= MIN_OF_EACH).length
  if (enough < 2) {
    const told = Object.entries(counts).map(([said, count]) => `${count} ${said}`)
    misses.push(`Of two answers ${MIN_OF_EACH} truths each are needed, and there are ${told.join(', ')}.`)
  }
  if (kappaLow === null)
    misses.push('Kappa is undefined, as people and judge said one and the same throughout.')
  else if (kappaLow < MIN_KAPPA_LOW) {
    misses.push(`The lower end of kappa is ${kappaLow.toFixed(2)}, and ${MIN_KAPPA_LOW} is needed.`)
  }
  if (!isSettled(progress)) {
    const { settled, begun } = progress
    misses.push(
      `${settled} of the first ${begun} tasks are settled, and ${MIN_SETTLED_SHARE * 100} % are needed.`,
    )
  }
  const routes = models.filter((model) => !model.includes('/'))
  if (routes.length > 0) {
    misses.push(
      `${routes.join(', ')} is a route, which can come to mean another model. Judge with upstream/model.`,
    )
  }
  return misses
}
