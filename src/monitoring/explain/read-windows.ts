/** What the rollups hold of two windows of a route or an upstream, by all places at once. */

import type { Sql } from 'postgres'
import { OUTCOMES } from '../../audit/record.ts'
import type { NearbyChange } from '../alerts/alert.ts'
import { addFigures, type Figures, newFigures, SUMS } from '../rollups/figures.ts'
import { type Dimension, readRollups } from '../rollups/read.ts'
import { placeOfSubject } from '../watch/place-of-subject.ts'
import { inHours, isInHours, type Span } from './baseline.ts'
import type { PlaceRow } from './places.ts'
import type { Traffic } from './question.ts'

/** Places of one window; each may hold three sketches. */
const PLACES_MAX = 1000
const BUCKET_MS = 300_000
const BUCKETS_MAX = 2000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000

const DIMENSIONS = [
  'route',
  'releaseId',
  'prompt',
  'upstream',
  'model',
  'keyId',
  'price',
] as const satisfies readonly Dimension[]

export type ReadWindow = {
  /** Their figures add up to `total`: what is in too many places to be read stands in one row without any. */
  rows: readonly PlaceRow[]
  total: Figures
  /** Requests in that row. */
  leftOut: number
}

/** The window as it can be read: in whole hours when it is longer than a day, or of a time whose minutes are no longer kept. */
export async function keptSpan(sql: Sql, traffic: Traffic, span: Span): Promise<Span> {
  const [hours, lengthMs] = [inHours(span), span.toMs - span.fromMs]
  if (lengthMs > DAY_MS) return hours
  if (lengthMs < HOUR_MS || isInHours(span)) return span
  if ((await readTotal(sql, traffic, span)).requests > 0) return span
  return (await readTotal(sql, traffic, hours)).requests > 0 ? hours : span
}

export async function readWindow(sql: Sql, traffic: Traffic, span: Span): Promise<ReadWindow> {
  const { rows, more } = await readRollups(sql, {
    ...queryOf(traffic, span),
    by: DIMENSIONS,
    bucketMs: null,
    limit: PLACES_MAX,
  })
  const read = newFigures()
  for (const { figures } of rows) addFigures(read, figures)
  if (!more) return { rows, total: read, leftOut: 0 }
  const total = await readTotal(sql, traffic, span)
  return {
    rows: [...rows, { place: {}, figures: without(total, read) }],
    total,
    leftOut: total.requests - read.requests,
  }
}

export async function readTotal(sql: Sql, traffic: Traffic, span: Span): Promise<Figures> {
  const { rows } = await readRollups(sql, { ...queryOf(traffic, span), by: [], bucketMs: null, limit: 1 })
  return rows[0]?.figures ?? newFigures()
}

/** When models that served nothing before first served this traffic, within five minutes. */
export async function readArrivals(
  sql: Sql,
  traffic: Traffic,
  span: Span,
  models: readonly { upstream: string; model: string }[],
): Promise<NearbyChange[]> {
  if (models.length === 0) return []
  const by = ['upstream', 'model'] as const
  const { rows } = await readRollups(sql, {
    ...queryOf(traffic, span),
    by,
    bucketMs: BUCKET_MS,
    limit: BUCKETS_MAX,
  })
  return models.flatMap(({ upstream, model }) => {
    const times = rows.flatMap(({ atMs, place }) =>
      place.upstream === upstream && place.model === model && atMs !== null ? [atMs] : [],
    )
    if (times.length === 0) return []
    const target = `${upstream}/${model}`
    return [{ kind: 'model', atMs: Math.min(...times), target, text: `first requests to ${target}` } as const]
  })
}

function queryOf({ projectId, subject }: Traffic, { fromMs, toMs }: Span) {
  return {
    projectId,
    fromMs,
    toMs,
    where: placeOfSubject(subject),
    level: isInHours({ fromMs, toMs }) ? ('hour' as const) : ('minute' as const),
  }
}

/** Counts and sums alone; the sketches stay empty. */
function without(total: Figures, read: Figures): Figures {
  const rest = newFigures()
  for (const sum of SUMS) rest[sum] = total[sum] - read[sum]
  for (const outcome of OUTCOMES) rest.outcomes[outcome] = total.outcomes[outcome] - read.outcomes[outcome]
  rest.costMicroUsd = total.costMicroUsd - read.costMicroUsd
  return rest
}
