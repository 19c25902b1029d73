/** An online drift detector over one series: what is usual, how unusual a point is beside the series' own past, and episodes. */

import { type Baseline, deviationOf, learnBaseline, newBaseline } from './baseline.ts'
import { type Charts, chart, newCharts, type Scores } from './charts.ts'
import { type Episodes, endEpisode, follow, newEpisodes, payBack, type SeriesState } from './episodes.ts'
import { type LateScores, learnLate, newLateScores } from './late-scores.ts'
import { type Point, type Refusal, refusalOf } from './points.ts'
import { learnScore, newScoreHistogram, type ScoreHistogram, scoreQuantile } from './score-histogram.ts'
import { learnSeason, newSeason, type Season, usualAt } from './season.ts'

/** Plain numbers throughout, so that it can be kept as JSON. */
export type Detector = {
  newestMs: number | null
  /** Mean of the times between points; 0 before the second. */
  intervalMs: number
  baseline: Baseline
  season: Season
  charts: Charts
  past: Record<Change, ScoreHistogram>
  /** Scores of `creep` that `past` does not hold yet. */
  lateCreep: LateScores
  episodes: Episodes
}
/** In which way a series changed. */
export type Change = keyof Scores
export type Settings = {
  /** An alert begins where a score is so many times its limit. */
  factor: number
}
/**
 * `excess`: how many times the largest limit was reached, of the chart `change`; `side`: which way the series left what is usual, by
 * that chart; `alerted`: an alert begins with this point. A point that is not taken leaves all as it was.
 */
export type Reading =
  | {
      taken: true
      state: SeriesState
      alerted: boolean
      change: Change
      excess: number
      side: 'up' | 'down'
    }
  | { taken: false; state: SeriesState; refusal: Refusal }

/** `strict`: fewer false alerts; `loose`: more is found. How they were chosen: docs/monitoring.md. */
export const SETTINGS: Readonly<Record<'strict' | 'loose', Settings>> = {
  strict: { factor: 1.7 },
  loose: { factor: 1.4 },
}
/** Points before the first judgement. */
const MIN_POINTS = 100
/** A limit is this quantile of the chart's own past scores: 1 in 200 of them is above. */
const LIMIT_SHARE = 0.995
/**
 * Never less than these, whatever the past: the same quantile of normal deviations for `jump` and `level` (2.81, two-sided), twice
 * their variance, and Page's usual decision interval h = 5.
 */
const LEAST_LIMIT: Scores = { jump: 2.81, level: 2.81, spread: 2, creep: 5 }
/**
 * One point alone must say more than an average of many: single outliers are common where distributions have long tails. A limit that
 * is learnt late is behind the series, and asks for some more.
 */
const WEIGHT: Scores = { jump: 2.5, level: 1, spread: 1, creep: 1.25 }
/** A longer silence than so many usual intervals is a gap: what came before it says nothing about now. */
const GAP_INTERVALS = 20
const INTERVAL_WEIGHT = 0.01

const AT_ONCE = ['jump', 'level', 'spread'] as const
const CHANGES: readonly Change[] = [...AT_ONCE, 'creep']

export function newDetector(): Detector {
  return {
    newestMs: null,
    intervalMs: 0,
    baseline: newBaseline(),
    season: newSeason(),
    charts: newCharts(),
    past: newPast(),
    lateCreep: newLateScores(),
    episodes: newEpisodes(),
  }
}

function newPast(): Detector['past'] {
  return {
    jump: newScoreHistogram(),
    level: newScoreHistogram(),
    spread: newScoreHistogram(),
    creep: newScoreHistogram(),
  }
}

/** Changes `detector` by one point, and judges it by what came before. Takes the same time however long the series is; never throws. */
export function observe(detector: Detector, point: Point, { factor }: Settings): Reading {
  const refusal = refusalOf(point, detector.newestMs)
  if (refusal !== null) return { taken: false, state: stateOf(detector), refusal }
  moveTo(detector, point.timeMs)
  const { baseline, season, charts, past, episodes } = detector
  const usual = usualAt(season, point.timeMs, baseline.mean)
  const deviation = deviationAt(detector, point)
  const scores = chart(charts, deviation)
  const { change, excess } = largestExcess(scores, past)
  const judged =
    baseline.points < MIN_POINTS
      ? { state: 'no_data' as const, alerted: false }
      : follow(episodes, excess, factor)
  for (const each of AT_ONCE) learnScore(past[each], scores[each])
  // A CUSUM rises as long as a change goes on. Learnt at once, its scores raise the limit as fast as a slow change raises them.
  learnLate(detector.lateCreep, past.creep, scores.creep)
  const side = sideOf(change, deviation, charts)
  const isSwitched = learnSeason(season, point, baseline.mean)
  learnBaseline(baseline, baseline.mean + (point.value - usual))
  if (isSwitched) learnAnew(detector)
  return { taken: true, ...judged, change, excess, side }
}

function sideOf(change: Change, deviation: number, { average, above, below }: Charts): 'up' | 'down' {
  const upwards = { jump: deviation, level: average, spread: average, creep: above - below }[change]
  return upwards < 0 ? 'down' : 'up'
}

/** How far a point is from what is usual at its time, in the series' own standard deviations, −100…100. */
export function deviationAt({ baseline, season }: Detector, { timeMs, value }: Point): number {
  return deviationOf(baseline, baseline.mean + (value - usualAt(season, timeMs, baseline.mean)))
}

/** What the series usually shows at a moment, in its own unit; null before the first point. */
export function usualOf({ baseline, season }: Detector, timeMs: number): number | null {
  return baseline.points === 0 ? null : usualAt(season, timeMs, baseline.mean)
}

/** Changes `detector`: with or without its season a series has other deviations, so that none of the past ones says what is usual. */
function learnAnew(detector: Detector): void {
  detector.baseline = { ...newBaseline(), points: 1, mean: detector.baseline.mean }
  detector.charts = newCharts()
  detector.past = newPast()
  detector.lateCreep = newLateScores()
  endEpisode(detector.episodes)
}

/** The state at a moment without a new point: `no_data` too where the series has been silent for longer than a gap. */
export function stateAt(detector: Detector, nowMs: number): SeriesState {
  return isGap(detector, nowMs) ? 'no_data' : stateOf(detector)
}

function stateOf({ baseline, episodes }: Detector): SeriesState {
  if (baseline.points <= MIN_POINTS) return 'no_data'
  return episodes.isAlert ? 'alert' : 'ok'
}

function isGap({ newestMs, intervalMs }: Detector, timeMs: number): boolean {
  return newestMs !== null && intervalMs > 0 && timeMs - newestMs > GAP_INTERVALS * intervalMs
}

function moveTo(detector: Detector, timeMs: number): void {
  const { newestMs, intervalMs, episodes } = detector
  if (newestMs !== null) {
    const elapsedMs = timeMs - newestMs
    if (isGap(detector, timeMs)) {
      detector.charts = newCharts()
      endEpisode(episodes)
    }
    payBack(episodes, elapsedMs)
    const heard = intervalMs === 0 ? elapsedMs : Math.min(elapsedMs, GAP_INTERVALS * intervalMs)
    detector.intervalMs += (intervalMs === 0 ? 1 : INTERVAL_WEIGHT) * (heard - intervalMs)
  }
  detector.newestMs = timeMs
}

function largestExcess(scores: Scores, past: Detector['past']): { change: Change; excess: number } {
  let largest: { change: Change; excess: number } = { change: 'jump', excess: 0 }
  for (const change of CHANGES) {
    const limit = Math.max(LEAST_LIMIT[change], scoreQuantile(past[change], LIMIT_SHARE))
    const excess = scores[change] / (limit * WEIGHT[change])
    if (excess > largest.excess) largest = { change, excess }
  }
  return largest
}
