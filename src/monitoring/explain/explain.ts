/** Why a metric changed: windows chosen, read, taken apart, and what people changed nearby. */

import type { Sql } from 'postgres'
import { RequestError } from '../../errors.ts'
import { METRICS } from '../../lib/watched-metrics.ts'
import type { Alert, Explanation, Window } from '../alerts/alert.ts'
import type { Figures } from '../rollups/figures.ts'
import { pointsOf } from '../watch/metrics.ts'
import { changedSpan, chooseBaseline, justBefore, type Span, weekBefore } from './baseline.ts'
import { causesOf, type Explained } from './causes.ts'
import { explainScore } from './explain-score.ts'
import { measureOf } from './measures.ts'
import { readNearbyChanges } from './nearby-changes.ts'
import { groupPlaces, sumPair, type Windows } from './places.ts'
import { readFigures } from './price-figures.ts'
import type { Question } from './question.ts'
import { keptSpan, type ReadWindow, readArrivals, readTotal, readWindow } from './read-windows.ts'
import { nameReleases } from './release-names.ts'
import { segmentsOf } from './segments.ts'

const MINUTE_MS = 60_000

/**
 * Why an alert's metric changed, from where the change began to where it was noticed. Never throws for want of traffic: what cannot be
 * known is among `unknowns`.
 */
export async function explainAlert(sql: Sql, alert: Alert): Promise<Explanation> {
  const { projectId, subject, metric, beganAtMs, openedAtMs } = alert
  const after = changedSpan(beganAtMs, openedAtMs)
  return await explainChange(sql, { projectId, subject, metric, beganAtMs, before: null, after })
}

/** Throws RequestError when spend is asked of two windows that are not of one length. */
export async function explainChange(sql: Sql, question: Question): Promise<Explanation> {
  const { metric } = question
  if (metric.startsWith('score:')) return await explainScore(sql, question)
  const after = await keptSpan(sql, question, question.after)
  const { span: before, baseline } = await baselineOf(sql, { ...question, after })
  if (metric === 'spend' && lengthOf(before) !== lengthOf(after)) {
    const message =
      'spend is compared over windows of one length. Give before and after alike, or ask for cost_per_request.'
    throw new RequestError('invalid_value', message, { param: 'before' })
  }
  const [was, is] = [await readWindow(sql, question, before), await readWindow(sql, question, after)]
  const windows = { before: was.rows, after: is.rows }
  const measure = measureOf(metric)
  const minutes = { before: lengthOf(before) / MINUTE_MS, after: lengthOf(after) / MINUTE_MS }
  const figuresOf = await readFigures(sql, question.projectId, pricesOf(windows))
  const explained = measure === null ? WITHOUT_PARTS : causesOf(measure, windows, minutes, figuresOf)
  const isKnown =
    measure !== null && !explained.unknowns.some(({ reason }) => reason.startsWith('no_traffic'))
  const segments = isKnown ? segmentsOf(windows, measure, minutes) : []
  return {
    beganAtMs: question.beganAtMs,
    baseline,
    before: windowOf(before, was.total, metric),
    after: windowOf(after, is.total, metric),
    measure: measure?.name ?? null,
    unit: measure?.unit ?? null,
    ...explained,
    unknowns: [...explained.unknowns, ...leftOut(was, is)],
    changes: await changesOf(sql, question, windows, { fromMs: before.toMs, toMs: after.toMs }),
    segments: await nameReleases(sql, question.projectId, segments),
  }
}

const WITHOUT_PARTS: Explained = {
  base: null,
  difference: 0,
  causes: [],
  unknowns: [{ reason: 'no_parts', requests: 0 }],
}

/** The windows before, and the sentence that says why these. */
async function baselineOf(sql: Sql, question: Question) {
  const { before, after, beganAtMs, metric } = question
  if (before !== null) {
    return {
      span: await keptSpan(sql, question, before),
      baseline: { kind: 'given', why: 'as asked for' } as const,
    }
  }
  const spans = {
    just_before: await keptSpan(sql, question, justBefore(after, beganAtMs)),
    week_before: await keptSpan(sql, question, weekBefore(after, metric === 'spend')),
  }
  const count = async (span: Span) => (await readTotal(sql, question, span)).requests
  const requests = {
    after: await count(after),
    justBefore: await count(spans.just_before),
    weekBefore: await count(spans.week_before),
  }
  const isVolume = metric === 'requests_per_minute' || metric === 'spend'
  const baseline = chooseBaseline(after, requests, isVolume)
  return { span: spans[baseline.kind], baseline }
}

async function changesOf(
  sql: Sql,
  question: Question,
  windows: Windows,
  span: Span,
): Promise<Explanation['changes']> {
  const { projectId, subject, beganAtMs } = question
  const models = groupPlaces(windows, ['upstream', 'model']).flatMap((group) => {
    const { upstream, model } = group.place
    const requests = sumPair(group, (figures) => figures.requests)
    return upstream == null || model == null ? [] : [{ upstream, model, requests }]
  })
  const isNew = ({ requests }: (typeof models)[number]) => requests.before === 0 && requests.after > 0
  // A window that held nothing says nothing about what is new.
  const arrived = windows.before.length === 0 ? [] : models.filter(isNew)
  const arrivals = await readArrivals(sql, question, span, arrived)
  return await readNearbyChanges(sql, { projectId, subject, beganAtMs, models }, arrivals)
}

function pricesOf({ before, after }: Windows): string[] {
  return [...before, ...after].flatMap(({ place }) => (place.price == null ? [] : [place.price]))
}

function leftOut(before: ReadWindow, after: ReadWindow): Explanation['unknowns'] {
  const requests = before.leftOut + after.leftOut
  return requests === 0 ? [] : [{ reason: 'places_left_out', requests }]
}

function windowOf({ fromMs, toMs }: Span, total: Figures, metric: string): Window {
  const level =
    metric === 'spend'
      ? Number(total.costMicroUsd)
      : (pointsOf(total, toMs - fromMs).find((point) => point.metric === metric)?.value ?? null)
  return { fromMs, toMs, requests: total.requests, level }
}

function lengthOf({ fromMs, toMs }: Span): number {
  return toMs - fromMs
}

/** What can be asked for; scores of live answers beside them as `score:NAME`. */
export const EXPLAINED_METRICS: readonly string[] = [...Object.keys(METRICS), 'spend']
