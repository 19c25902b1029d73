/** What a month will have cost when it ends, with an interval. Pure and seeded. */

import { quantile } from '../../lib/quantile.ts'

/** `days`: of how many past days it was learnt. Refused: too little is known, or the month is over. */
export type Forecast =
  | { kind: 'forecast'; total: bigint; low: bigint; high: bigint; days: number; seasonal: boolean }
  | { kind: 'refused'; reason: 'too_few_days' | 'over' }

export type ForecastInput = {
  /** Micro-USD of each whole day (UTC) that is over, the oldest first, up to yesterday; from the first one that has any. */
  days: readonly number[]
  nowMs: number
  /** The first instant after the month. */
  endMs: number
  /** Micro-USD of the month so far, today included. */
  spent: bigint
  random: () => number
}

const DAY_MS = 86_400_000
const WEEK = 7
/** Below a week nobody knows which days are quiet. */
const MIN_FORECAST_DAYS = WEEK
/** Four weeks: a level of longer ago says less of the one to come. */
export const MAX_FORECAST_DAYS = 4 * WEEK
/** With each day of the week known twice, what differs between them is told from what varies. */
const SEASONAL_DAYS = 2 * WEEK
/** Days drawn together. Longer ones hold more of what lasts, and there are fewer of them. */
const BLOCK = 5
const RESAMPLES = 2000
/** Of the interval: usual for forecasts (Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., §5.5). */
export const FORECAST_CONFIDENCE = 0.8

/**
 * What was spent, and for each day that is left the mean of the past days, of the same day of the week once there are two weeks of
 * them (the mean method, by season: Hyndman and Athanasopoulos §5.2, <https://otexts.com/fpp3/simple-methods.html>). Of today counts
 * the part that is left.
 *
 * The interval has both what the days to come will vary by and how little a mean of few days is known: in each of 2,000 rounds both
 * are drawn from the past days' residuals, five days in a row on a circle, because dear days come together (Politis and Romano 1992, the
 * circular block bootstrap). Residuals are enlarged by √(n / (n − k)) for the k means that were taken from them, and by
 * 1 / √(1 − 5 / n), by as much as sums of few blocks that add up to nothing vary too little. A trend is not foreseen.
 */
export function forecastMonth({ days, nowMs, endMs, spent, random }: ForecastInput): Forecast {
  if (nowMs >= endMs) return { kind: 'refused', reason: 'over' }
  const known = days.slice(-MAX_FORECAST_DAYS)
  if (known.length < MIN_FORECAST_DAYS) return { kind: 'refused', reason: 'too_few_days' }
  const today = Math.floor(nowMs / DAY_MS)
  const seasonal = known.length >= SEASONAL_DAYS
  const usual = usualDays(known, today - known.length, seasonal)
  const parameters = seasonal ? WEEK : 1
  const scale = Math.sqrt(known.length / (known.length - parameters) / (1 - BLOCK / known.length))
  const residuals = known.map((value, index) => scale * (value - usual(today - known.length + index)))
  const left = partsLeft(nowMs, endMs)
  const expected = sum(left.map((part, index) => part * usual(today + index)))
  const errors = Array.from({ length: RESAMPLES }, () => drawError(residuals, left, random))
  const at = (share: number) => Math.max(0, expected + (quantile(errors, share) ?? 0))
  return {
    kind: 'forecast',
    total: spent + BigInt(Math.round(expected)),
    low: spent + BigInt(Math.round(at((1 - FORECAST_CONFIDENCE) / 2))),
    high: spent + BigInt(Math.round(at((1 + FORECAST_CONFIDENCE) / 2))),
    days: known.length,
    seasonal,
  }
}

/** What a day, counted from 1970-01-01, usually costs. */
function usualDays(known: readonly number[], firstDay: number, seasonal: boolean): (day: number) => number {
  const mean = (values: readonly number[]) => sum(values) / values.length
  if (!seasonal) {
    const always = mean(known)
    return () => always
  }
  const byWeekday = Array.from({ length: WEEK }, (_, weekday) =>
    mean(known.filter((_value, index) => (firstDay + index) % WEEK === weekday)),
  )
  return (day) => byWeekday[day % WEEK] ?? 0
}

/** Of each day from today on, how much of it is left. */
function partsLeft(nowMs: number, endMs: number): number[] {
  const tomorrowMs = (Math.floor(nowMs / DAY_MS) + 1) * DAY_MS
  const whole = Math.max(0, Math.round((endMs - tomorrowMs) / DAY_MS))
  return [(tomorrowMs - nowMs) / DAY_MS, ...Array.from({ length: whole }, () => 1)]
}

/** How far the days to come may be from their means, less how far the means may be from the truth. */
function drawError(residuals: readonly number[], left: readonly number[], random: () => number): number {
  const ahead = drawBlocks(residuals, left.length, random)
  const behind = drawBlocks(residuals, residuals.length, random)
  const noise = sum(left.map((part, index) => part * (ahead[index] ?? 0)))
  return noise - (sum(left) * sum(behind)) / behind.length
}

function drawBlocks(residuals: readonly number[], count: number, random: () => number): number[] {
  const drawn: number[] = []
  while (drawn.length < count) {
    const start = Math.floor(random() * residuals.length)
    const length = Math.min(BLOCK, count - drawn.length)
    for (let at = 0; at < length; at += 1) drawn.push(residuals[(start + at) % residuals.length] ?? 0)
  }
  return drawn
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
