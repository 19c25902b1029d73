/** What the detector is made of, with values worked by hand. */

import { describe, expect, test } from 'vitest'
import { quantile } from '../../../../src/lib/quantile.ts'
import { seededRandom } from '../../../../src/lib/random.ts'
import {
  deviationOf,
  learnBaseline,
  MEMORY_POINTS,
  newBaseline,
} from '../../../../src/monitoring/detectors/baseline.ts'
import { chart, newCharts } from '../../../../src/monitoring/detectors/charts.ts'
import { follow, newEpisodes, payBack } from '../../../../src/monitoring/detectors/episodes.ts'
import { learnLate, newLateScores } from '../../../../src/monitoring/detectors/late-scores.ts'
import {
  learnScore,
  newScoreHistogram,
  scoreQuantile,
} from '../../../../src/monitoring/detectors/score-histogram.ts'
import { learnSeason, newSeason, usualAt } from '../../../../src/monitoring/detectors/season.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000

describe('the baseline', () => {
  test('is the plain mean and variance of a short series', () => {
    const baseline = newBaseline()
    for (const value of [2, 4, 4, 4, 5, 5, 7, 9]) learnBaseline(baseline, value)

    expect(baseline.mean).toBeCloseTo(5)
    expect(baseline.variance).toBeCloseTo(4)
    expect(deviationOf(baseline, 9)).toBeCloseTo(2)
  })

  test('follows a new level once that is older than its memory', () => {
    const baseline = newBaseline()
    for (let at = 0; at < MEMORY_POINTS; at += 1) learnBaseline(baseline, 0)
    for (let at = 0; at < MEMORY_POINTS; at += 1) learnBaseline(baseline, 1)

    expect(baseline.mean).toBeCloseTo(1 - Math.exp(-1), 3)
  })

  test.each([
    [0, 0, 0],
    [0, 1, 100],
    [0, -1e-9, -100],
    [1000, 1000.5, 0.5],
    [1000, 1e150, 100],
  ])('of a constant %d says of %d: %d deviations', (constant, value, deviations) => {
    const baseline = newBaseline()
    for (let at = 0; at < 5; at += 1) learnBaseline(baseline, constant)

    expect(deviationOf(baseline, value)).toBeCloseTo(deviations)
  })
})

describe('the charts', () => {
  test('add up one deviation of 3 as Roberts and Page do', () => {
    const scores = chart(newCharts(), 3)

    expect(scores.jump).toBe(3)
    // 0.05 · 3 / √(0.05 / 1.95)
    expect(scores.level).toBeCloseTo(0.936_75, 5)
    // 1 + 0.05 · (9 − 1)
    expect(scores.spread).toBeCloseTo(1.4)
    expect(scores.creep).toBe(2.5)
  })

  test('see ten deviations of −1 as a level that is lower, and not as jumps', () => {
    const charts = newCharts()
    const scores = Array.from({ length: 10 }, () => chart(charts, -1)).at(-1)

    expect(scores?.jump).toBe(1)
    expect(scores?.creep).toBeCloseTo(5)
    expect(scores?.level).toBeCloseTo((1 - 0.95 ** 10) / Math.sqrt(0.05 / 1.95))
  })
})

describe('the histogram of scores', () => {
  test('gives quantiles within 2 % and a step between values', () => {
    const random = seededRandom(3)
    const scores = Array.from({ length: 4000 }, () => -Math.log(1 - random()))
    const histogram = newScoreHistogram()
    for (const score of scores) learnScore(histogram, score)

    for (const share of [0.5, 0.9, 0.995]) {
      const exact = quantile(scores, share) ?? Number.NaN
      expect(Math.abs(scoreQuantile(histogram, share) / exact - 1)).toBeLessThan(0.025)
    }
  })

  test('is 0 of none and of zeros, and forgets what is old', () => {
    const histogram = newScoreHistogram()
    expect(scoreQuantile(histogram, 0.995)).toBe(0)
    for (let at = 0; at < 4000; at += 1) learnScore(histogram, 50)
    for (let at = 0; at < 80_000; at += 1) learnScore(histogram, 0)

    expect(scoreQuantile(histogram, 0.995)).toBe(0)
  })
})

describe('the season', () => {
  function learn(days: number, valueAt: (hour: number) => number) {
    const season = newSeason()
    for (let hour = 0; hour < days * 24; hour += 1) {
      learnSeason(season, { timeMs: hour * HOUR_MS, value: valueAt(hour % 24) }, 5)
    }
    return season
  }
  const daily = (hour: number) => (hour < 12 ? 0 : 10)

  test('is what the time of day usually shows, from the fourth day on', () => {
    expect(usualAt(learn(2, daily), 2 * DAY_MS, 5)).toBe(5)
    const season = learn(10, daily)

    expect(usualAt(season, 10 * DAY_MS, 5)).toBeCloseTo(0)
    expect(usualAt(season, 10 * DAY_MS + 13 * HOUR_MS, 5)).toBeCloseTo(10)
  })

  test('is the mean where the time of day foretells nothing, and where nothing is known of it', () => {
    const random = seededRandom(11)

    expect(
      usualAt(
        learn(20, () => 10 * random()),
        20 * DAY_MS,
        5,
      ),
    ).toBe(5)
    expect(usualAt(learn(10, daily), 10 * DAY_MS + HOUR_MS / 2, 5)).toBe(5)
  })
})

describe('an episode', () => {
  test('begins once, lasts until 36 points in a row are calm, and warns before', () => {
    const episodes = newEpisodes()
    const states = [1, 1.5, 1.8, 1.9, 1.5, ...Array.from({ length: 36 }, () => 0.1)].map((excess) =>
      follow(episodes, excess, 1.7),
    )

    expect(states.map(({ state }) => state)).toEqual([
      'ok',
      'warn',
      'alert',
      'alert',
      'alert',
      ...Array.from({ length: 35 }, () => 'alert'),
      'ok',
    ])
    expect(states.filter(({ alerted }) => alerted)).toHaveLength(1)
  })

  test('needs more for each one beyond the budget, until a week has paid one back', () => {
    const episodes = { isAlert: false, calmPoints: 0, spent: 3 }

    expect(follow(episodes, 2, 1.7).alerted).toBe(false)
    payBack(episodes, 14 * DAY_MS)
    expect(follow(episodes, 2, 1.7).alerted).toBe(true)
    payBack(episodes, 500 * DAY_MS)
    expect(episodes.spent).toBe(0)
  })
})

describe('late scores', () => {
  test('are learnt at once at first, and between half a day and a day later from then on', () => {
    const [late, past] = [newLateScores(), newScoreHistogram()]
    for (let at = 0; at < 288; at += 1) learnLate(late, past, 1)
    expect(past.total).toBe(288)

    for (let at = 0; at < 287; at += 1) learnLate(late, past, 100)
    expect(scoreQuantile(past, 0.995)).toBeCloseTo(1, 1)
    for (let at = 0; at < 1; at += 1) learnLate(late, past, 100)
    // The half day that is over came in when the one after it was.
    expect(past.total).toBe(288 + 144)
    expect(scoreQuantile(past, 0.995) / 100).toBeCloseTo(1, 1)
  })
})

describe('the hour of the week', () => {
  const STEP_MS = 300_000
  const MONDAY = 4 * DAY_MS
  const weekly = (timeMs: number) => {
    const day = Math.floor((timeMs - MONDAY) / DAY_MS) % 7
    return 100 + 20 * Math.sin((2 * Math.PI * timeMs) / DAY_MS) - (day >= 5 ? 60 : 0)
  }
  const learn = (weeks: number, valueAt: (timeMs: number) => number) => {
    const season = newSeason()
    const shown = new Set<string>()
    let [sum, points] = [0, 0]
    for (let timeMs = MONDAY; timeMs < MONDAY + weeks * 7 * DAY_MS; timeMs += STEP_MS) {
      learnSeason(season, { timeMs, value: valueAt(timeMs) }, points === 0 ? 0 : sum / points)
      sum += valueAt(timeMs)
      points += 1
      shown.add(season.shown)
    }
    return { season, shown: [...shown] }
  }

  test('counts from the third week on where weekends are others, after the time of day did', () => {
    const { season, shown } = learn(4, weekly)
    const saturday = MONDAY + 33 * DAY_MS + 30 * 60_000

    expect(shown).toEqual(['none', 'day', 'week'])
    expect(Math.abs(usualAt(season, saturday, 0) - weekly(saturday))).toBeLessThan(3)
  })

  test('does not count where every day is alike', () => {
    const { shown } = learn(4, (timeMs) => 100 + 20 * Math.sin((2 * Math.PI * timeMs) / DAY_MS))

    expect(shown).toEqual(['none', 'day'])
  })
})
