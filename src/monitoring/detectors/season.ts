/** Time of day: what a series usually shows at it, used only where it foretold the series better than its mean did. */

import type { Point } from './points.ts'

export type Season = {
  firstMs: number | null
  points: number
  /** Mean and number of points for each part of a day, which begins at midnight UTC. */
  means: number[]
  counts: number[]
  /** Means of |value − foretold|, of values that were not learnt yet: by the time of day, and by the series' mean. */
  dailyError: number
  meanError: number
  isShown: boolean
}

const DAY_MS = 86_400_000
const PARTS = 48
/** Days that a part remembers. A weekend changes it, and does not become it. */
const MEMORY_DAYS = 7
/** Errors are compared from the third day on, and the season may count from the fourth. */
const FIRST_COMPARED_DAYS = 2
const FIRST_USED_DAYS = 3
/** About two days of five-minute points. */
const ERROR_WEIGHT = 1 / 500
/**
 * The season counts from when its error is below this share of the mean's, as following it would else add more noise than it explains,
 * until it is no smaller any more.
 */
const WORTHWHILE_SHARE = 0.8

export function newSeason(): Season {
  const zeros = () => Array.from({ length: PARTS }, () => 0)
  return {
    firstMs: null,
    points: 0,
    means: zeros(),
    counts: zeros(),
    dailyError: 0,
    meanError: 0,
    isShown: false,
  }
}

/** What is usual at this time of day, or `mean` where no season is shown, or nothing is known of this part of a day. */
export function usualAt({ isShown, counts, means }: Season, timeMs: number, mean: number): number {
  const part = partOf(timeMs)
  return isShown && (counts[part] ?? 0) > 0 ? (means[part] ?? mean) : mean
}

/** Changes `season`. `mean`: of the series before this point. True when the season begins or ceases to count with it. */
export function learnSeason(season: Season, { timeMs, value }: Point, mean: number): boolean {
  season.firstMs ??= timeMs
  season.points += 1
  const part = partOf(timeMs)
  const [count, usual] = [season.counts[part] ?? 0, season.means[part] ?? 0]
  const days = daysOf(season, timeMs)
  if (count > 0 && days >= FIRST_COMPARED_DAYS) {
    season.dailyError += ERROR_WEIGHT * (Math.abs(value - usual) - season.dailyError)
    season.meanError += ERROR_WEIGHT * (Math.abs(value - mean) - season.meanError)
  }
  const pointsADay = Math.max(1, season.points / (Math.max(1, days) * PARTS))
  season.counts[part] = Math.min(count + 1, Math.ceil(MEMORY_DAYS * pointsADay))
  season.means[part] = usual + (value - usual) / (season.counts[part] ?? 1)
  const wasShown = season.isShown
  const share = wasShown ? 1 : WORTHWHILE_SHARE
  season.isShown = days >= FIRST_USED_DAYS && season.dailyError < share * season.meanError
  return season.isShown !== wasShown
}

function daysOf({ firstMs }: Season, timeMs: number): number {
  return (timeMs - (firstMs ?? timeMs)) / DAY_MS
}

function partOf(timeMs: number): number {
  const ofDay = ((timeMs % DAY_MS) + DAY_MS) % DAY_MS
  return Math.min(PARTS - 1, Math.floor((ofDay / DAY_MS) * PARTS))
}
