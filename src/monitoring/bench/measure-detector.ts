/** What the detector is worth on labelled series, beside alarms at random that are as many. Pure and seeded. */

import { quantile } from '../../lib/quantile.ts'
import { namedRandom } from '../../lib/random.ts'
import { newDetector, observe, type Settings } from '../detectors/detector.ts'
import { type Counts, countAlarms, firstCounted } from './count-alarms.ts'
import type { LabelledSeries } from './labelled-series.ts'

/**
 * `recall`: windows found / windows; `precision`: windows found / (windows found + false episodes); `falsePer1000`: false episodes in
 * 1,000 counted points; `delay`: median points from a window's start to its first alarm, of windows found. Null where undefined.
 */
type AlarmFigures = {
  recall: number | null
  precision: number | null
  falsePer1000: number | null
  delay: number | null
}
/** `floor`: means over rounds of random alarms; a figure that is undefined in a round is left out of its mean. */
export type MeasuredAlarms = AlarmFigures & { floor: AlarmFigures }

const FLOOR_ROUNDS = 20

/** The places at which an alert begins. */
export function alarmsOf({ points }: Pick<LabelledSeries, 'points'>, settings: Settings): number[] {
  const detector = newDetector()
  return points.flatMap((point, at) => {
    const reading = observe(detector, point, settings)
    return reading.taken && reading.alerted ? [at] : []
  })
}

/** `alarms`: of each of the series. The same series and alarms give the same floor. */
export function measureAlarms(
  all: readonly { series: LabelledSeries; alarms: readonly number[] }[],
): MeasuredAlarms {
  const counts = all.map(({ series, alarms }) => countAlarms(series, alarms))
  const rate =
    sumOf(counts, ({ alarms }) => alarms) /
    Math.max(
      1,
      sumOf(counts, ({ points }) => points),
    )
  const random = namedRandom('alarms at random')
  const rounds = Array.from({ length: FLOOR_ROUNDS }, () =>
    figuresOf(all.map(({ series }) => countAlarms(series, randomAlarms(series, rate, random)))),
  )
  const mean = (figure: keyof AlarmFigures) => meanOf(rounds.map((round) => round[figure]))
  const floor = {
    recall: mean('recall'),
    precision: mean('precision'),
    falsePer1000: mean('falsePer1000'),
    delay: mean('delay'),
  }
  return { ...figuresOf(counts), floor }
}

/** Each counted point is an alarm with the chance `rate`. */
function randomAlarms(series: LabelledSeries, rate: number, random: () => number): number[] {
  const alarms: number[] = []
  for (let at = firstCounted(series); at < series.points.length; at += 1) {
    if (random() < rate) alarms.push(at)
  }
  return alarms
}

function figuresOf(counts: readonly Counts[]): AlarmFigures {
  const delays = counts.flatMap((each) => each.delays)
  const falseEpisodes = sumOf(counts, (each) => each.falseEpisodes)
  return {
    recall: ratio(
      delays.length,
      sumOf(counts, ({ windows }) => windows),
    ),
    precision: ratio(delays.length, delays.length + falseEpisodes),
    falsePer1000: ratio(
      1000 * falseEpisodes,
      sumOf(counts, ({ points }) => points),
    ),
    delay: quantile(delays, 0.5),
  }
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole
}

function sumOf(counts: readonly Counts[], of: (counts: Counts) => number): number {
  return counts.reduce((sum, each) => sum + of(each), 0)
}

function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length
}
