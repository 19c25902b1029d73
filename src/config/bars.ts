/** The bar of a rule of alerts: above or below which value of one metric, over which window, for how long. Pure. */

import { barMetricProblem, isOfRoutesAlone } from '../lib/metric-names.ts'
import { parseUsd } from '../lib/money.ts'
import { parseDurationMs } from '../lib/units.ts'
import { LEAST_REQUESTS, metricOf, type Unit } from '../lib/watched-metrics.ts'

/** As a file has it, spans in milliseconds. */
export type BarFile = {
  metrics?: string | string[] | undefined
  upstreams?: string | string[] | undefined
  above?: number | string | undefined
  below?: number | string | undefined
  over?: number | undefined
  for?: number | undefined
}
export type BarConfig = {
  metric: string
  side: 'above' | 'below'
  /** In the metric's unit. */
  limit: number
  /** How much traffic each value is over. */
  overMs: number
  /** How long it stands beyond the limit before an alert opens, and within before it ends. */
  forMs: number
}

const DEFAULT_OVER_MS = 15 * 60_000
const DEFAULT_FOR_MS = 10 * 60_000
/** What a limit may be of a unit: how a text of it is read, its ends, and the sentence that says so. */
type Limits = { expected: string; read: (text: string) => number | null; least: number; most: number }
const NO_TEXT = () => null
const COUNT = { read: NO_TEXT, least: 0, most: Number.MAX_SAFE_INTEGER }
const LIMITS: Record<Unit, Limits> = {
  a_minute: { ...COUNT, expected: 'requests in a minute, such as 12' },
  tokens: { ...COUNT, expected: 'tokens, such as 1200' },
  ms: { ...COUNT, expected: 'milliseconds, such as 2500, or 2.5s', read: parseDurationMs },
  share: { expected: 'a share of 1, such as 0.05, or 5%', read: readPercent, least: 0, most: 1 },
  micro_usd: {
    ...COUNT,
    expected: 'an amount such as $0.05; a number without $ is whole micro-dollars, such as 50000',
    read: readDollars,
  },
  score: {
    expected: 'a score, such as 0.9',
    read: NO_TEXT,
    least: -Number.MAX_SAFE_INTEGER,
    most: Number.MAX_SAFE_INTEGER,
  },
}

export function hasBar({ above, below }: BarFile): boolean {
  return above !== undefined || below !== undefined
}

/** Null for a bar that is none; `mistake` is told each sentence with the key that it is about. */
export function resolveBar(file: BarFile, mistake: (key: string, what: string) => void): BarConfig | null {
  const side = file.above === undefined ? 'below' : 'above'
  const given = file[side]
  const metric = metricName(file, mistake)
  if (file.above !== undefined && file.below !== undefined) {
    mistake('below', 'stands beside above. A bar has one side: write two rules.')
    return null
  }
  if (given === undefined || metric === null) return null
  const { unit } = metricOf(metric)
  const limit = readLimit(given, LIMITS[unit])
  if (limit === null) {
    mistake(side, `${JSON.stringify(given)} where ${LIMITS[unit].expected} is expected (${metric}).`)
    return null
  }
  const bar = {
    metric,
    side,
    limit,
    overMs: file.over ?? DEFAULT_OVER_MS,
    forMs: file.for ?? DEFAULT_FOR_MS,
  } as const
  const never = neverMet(bar)
  if (never !== null) mistake(side, never)
  return never === null ? bar : null
}

function metricName(
  { metrics, upstreams }: BarFile,
  mistake: (key: string, what: string) => void,
): string | null {
  const [name, ...others] = [metrics ?? []].flat()
  if (name === undefined || others.length > 0) {
    const found = name === undefined ? 'nothing' : `${others.length + 1} names`
    mistake('metrics', `${found} where the name of one metric is expected: a bar is for one, as error_rate.`)
    return null
  }
  const problem = barMetricProblem(name)
  if (problem !== null) mistake('metrics', problem)
  else if (upstreams !== undefined && isOfRoutesAlone(name))
    mistake('upstreams', `only routes have ${name}. Leave upstreams out, or name routes.`)
  return problem === null ? name : null
}

function readLimit(given: number | string, { read, least, most }: Limits): number | null {
  // What is written in dollars without a sign would be a bar a million times lower.
  if (read === readDollars && typeof given === 'number' && !(Number.isInteger(given) && given > 0))
    return null
  const limit = typeof given === 'number' ? given : read(given)
  return limit !== null && Number.isFinite(limit) && limit >= least && limit <= most ? limit : null
}

/** Why no value can ever be beyond the limit; null where one can. */
function neverMet({ metric, side, limit, overMs }: BarConfig): string | null {
  const { unit } = metricOf(metric)
  const { least, most } = LIMITS[unit]
  if (side === 'below' ? limit <= least : limit >= most)
    return `nothing is ever ${side} ${limit}: ${metric} goes from ${least} to ${most}.`
  const requests = (limit * overMs) / 60_000
  if (metric !== 'requests_per_minute' || requests >= LEAST_REQUESTS) return null
  const lowest = Math.ceil((LEAST_REQUESTS * 60_000 * 100) / overMs) / 100
  return `${limit} in a minute are ${requests} requests in the window, and fewer than ${LEAST_REQUESTS} are no rate. Write ${lowest} or more, or a longer over.`
}

function readPercent(text: string): number | null {
  const [, digits] = /^(\d{1,3}(?:\.\d{1,6})?) ?%$/.exec(text.trim()) ?? []
  return digits === undefined ? null : Number(digits) / 100
}

function readDollars(text: string): number | null {
  const amount = text.trim().startsWith('$') ? parseUsd(text) : null
  return amount === null ? null : Number(amount)
}
