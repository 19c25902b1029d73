/** Time of day and hour of week: what a series usually shows then, each used only where it foretold the series better than less did. */

import type { Point } from './points.ts'

/** What is usual in each part of a cycle: mean, and number of points as far as they are remembered. */
type Cycle = { means: number[]; counts: number[] }
export type Season = {
  firstMs: number | null
  points: number
  /** A part for each half hour of the day, and for each hour of the week; both UTC. */
  day: Cycle
  week: Cycle
  /** Means of |value − foretold|, of values that were not learnt yet: by the time of day, and by the series' mean. */
  dailyError: number
  meanError: number
  /** The same by the hour of the week, and by what is used without it; over a longer time, as a weekend is a part of it. */
  weeklyError: number
  plainError: number
  shown: 'none' | 'day' | 'week'
}

type CycleKind = { lengthMs: number; parts: number; memory: number }
const DAY_MS = 86_400_000
/** A part of a day remembers seven of them: a weekend changes it, and does not become it. */
const DAY: CycleKind = { lengthMs: DAY_MS, parts: 48, memory: 7 }
const WEEK: CycleKind = { lengthMs: 7 * DAY_MS, parts: 168, memory: 4 }
/** Days. Errors are compared from the third day on, and the time of day may count from the fourth; the week from the third one on. */
const DAY_COMPARED_FROM = 2
const DAY_USED_FROM = 3
const WEEK_COMPARED_FROM = 7
const WEEK_USED_FROM = 14
/** About two days of five-minute points, and a week of them. */
const DAY_ERROR_WEIGHT = 1 / 500
const WEEK_ERROR_WEIGHT = 1 / 2016
/**
 * A season counts from when its error is below this share of what is used without it, as following it would else add more noise than
 * it explains, until it is no smaller any more.
 */
const WORTHWHILE_SHARE = 0.8

export function newSeason(): Season {
  return {
    firstMs: null,
    points: 0,
    day: newCycle(DAY),
    week: newCycle(WEEK),
    dailyError: 0,
    meanError: 0,
    weeklyError: 0,
    plainError: 0,
    shown: 'none',
  }
}

/** What is usual at this hour of the week or time of day, or `mean` where no season is shown or nothing is known of this part of it. */
export function usualAt({ shown, day, week }: Season, timeMs: number, mean: number): number {
  const daily = shown === 'none' ? null : known(day, DAY, timeMs)
  return (shown === 'week' ? known(week, WEEK, timeMs) : null) ?? daily ?? mean
}

/** Changes `season`. `mean`: of the series before this point. True when what counts is another season with it, or none any more. */
export function learnSeason(season: Season, { timeMs, value }: Point, mean: number): boolean {
  season.firstMs ??= timeMs
  season.points += 1
  const days = (timeMs - season.firstMs) / DAY_MS
  learnErrors(season, { timeMs, value }, mean, days)
  const pointsADay = season.points / Math.max(1, days)
  learnCycle(season.day, DAY, { timeMs, value }, pointsADay)
  learnCycle(season.week, WEEK, { timeMs, value }, pointsADay)
  const was = season.shown
  season.shown = shownOf(season, days)
  return season.shown !== was
}

function learnErrors(season: Season, { timeMs, value }: Point, mean: number, days: number): void {
  const daily = known(season.day, DAY, timeMs)
  const weekly = known(season.week, WEEK, timeMs)
  if (daily !== null && days >= DAY_COMPARED_FROM) {
    season.dailyError += DAY_ERROR_WEIGHT * (Math.abs(value - daily) - season.dailyError)
    season.meanError += DAY_ERROR_WEIGHT * (Math.abs(value - mean) - season.meanError)
  }
  if (weekly !== null && days >= WEEK_COMPARED_FROM) {
    const plain = isDaily(season, days) ? (daily ?? mean) : mean
    season.weeklyError += WEEK_ERROR_WEIGHT * (Math.abs(value - weekly) - season.weeklyError)
    season.plainError += WEEK_ERROR_WEIGHT * (Math.abs(value - plain) - season.plainError)
  }
}

function shownOf(season: Season, days: number): Season['shown'] {
  const share = season.shown === 'week' ? 1 : WORTHWHILE_SHARE
  if (days >= WEEK_USED_FROM && season.weeklyError < share * season.plainError) return 'week'
  return isDaily(season, days) ? 'day' : 'none'
}

function isDaily({ shown, dailyError, meanError }: Season, days: number): boolean {
  const share = shown === 'none' ? WORTHWHILE_SHARE : 1
  return days >= DAY_USED_FROM && dailyError < share * meanError
}

function newCycle({ parts }: CycleKind): Cycle {
  const zeros = () => Array.from({ length: parts }, () => 0)
  return { means: zeros(), counts: zeros() }
}

function known({ means, counts }: Cycle, kind: CycleKind, timeMs: number): number | null {
  const part = partOf(kind, timeMs)
  return (counts[part] ?? 0) > 0 ? (means[part] ?? null) : null
}

/** Changes `cycle`: a part's mean, over as many points as the cycles it remembers have. */
function learnCycle(cycle: Cycle, kind: CycleKind, { timeMs, value }: Point, pointsADay: number): void {
  const part = partOf(kind, timeMs)
  const [count, usual] = [cycle.counts[part] ?? 0, cycle.means[part] ?? 0]
  const pointsAPart = Math.max(1, (pointsADay * kind.lengthMs) / DAY_MS / kind.parts)
  cycle.counts[part] = Math.min(count + 1, Math.ceil(kind.memory * pointsAPart))
  cycle.means[part] = usual + (value - usual) / (cycle.counts[part] ?? 1)
}

function partOf({ lengthMs, parts }: CycleKind, timeMs: number): number {
  const within = ((timeMs % lengthMs) + lengthMs) % lengthMs
  return Math.min(parts - 1, Math.floor((within / lengthMs) * parts))
}
