/** Why a score of live answers changed: each release by itself, and traffic that moved between releases. */

import type { Sql } from 'postgres'
import type { Explanation, Unknown, Window } from '../alerts/alert.ts'
import type { Span } from './baseline.ts'
import { largestFirst } from './causes.ts'
import { changeOf, type Pair, ratioPair } from './midpoint.ts'
import { mixChange } from './mix.ts'
import { readNearbyChanges } from './nearby-changes.ts'
import type { Question } from './question.ts'
import { nameReleases } from './release-names.ts'
import { type ReleaseScores, readScores } from './scores.ts'
import type { Segment } from './segments.ts'

/** Scores are few, so what is usual is a day of them at least. */
const LEAST_MS = 86_400_000
const SEGMENTS_MAX = 5

/** Of a route; the scores of an upstream have no parts. `requests` of the windows are scored answers. */
export async function explainScore(sql: Sql, question: Question): Promise<Explanation> {
  const { projectId, subject, metric, beganAtMs, after } = question
  const lengthMs = Math.max(LEAST_MS, after.toMs - after.fromMs)
  const before = question.before ?? { fromMs: after.fromMs - lengthMs, toMs: after.fromMs }
  const query = { projectId, route: subject.name, scorer: metric.slice('score:'.length), before, after }
  const scores = subject.kind === 'route' ? await readScores(sql, query) : []
  const { segments, ...explained } = scoreChange(scores)
  const why = question.before === null ? 'a day right before at least: scores are few' : 'as asked for'
  return {
    beganAtMs,
    baseline: { kind: question.before === null ? 'just_before' : 'given', why },
    before: windowOf(before, scores, 'before'),
    after: windowOf(after, scores, 'after'),
    measure: 'mean_score',
    unit: 'score',
    ...explained,
    changes: await readNearbyChanges(sql, { projectId, subject, beganAtMs, models: [] }, []),
    segments: await nameReleases(sql, projectId, segments),
  }
}

type ScoreChange = Pick<Explanation, 'base' | 'difference' | 'causes' | 'unknowns'> & {
  segments: readonly Segment[]
}

/** `within` the releases and `mix` between them add up to the change of the mean score. */
function scoreChange(scores: readonly ReleaseScores[]): ScoreChange {
  const count = total(scores.map((one) => one.count))
  const mean = ratioPair(total(scores.map((one) => one.sum)), count)
  const unknowns: Unknown[] = [
    ...(count.before === 0 ? [{ reason: 'no_traffic_before', requests: 0 } as const] : []),
    ...(count.after === 0 ? [{ reason: 'no_traffic_after', requests: 0 } as const] : []),
  ]
  if (unknowns.length > 0) {
    return {
      base: count.before === 0 ? null : mean.before,
      difference: 0,
      causes: [],
      unknowns,
      segments: [],
    }
  }
  const changes = mixChange(scores)
  const within = changes.reduce((sum, change) => sum + change.within, 0)
  const mix = changes.reduce((sum, change) => sum + change.mix, 0)
  const segments = changes.flatMap(({ releaseId, ...change }): Segment[] =>
    releaseId === null
      ? []
      : [{ dimension: 'releaseId', value: releaseId, amount: change.within + change.mix }],
  )
  segments.sort((a, b) => Math.abs(b.amount) - Math.abs(a.amount))
  return {
    base: mean.before,
    difference: changeOf(mean),
    causes: largestFirst({ within, mix }, mean),
    unknowns: leftOut(scores),
    segments: scores.length < 2 ? [] : segments.slice(0, SEGMENTS_MAX),
  }
}

/** Of the releases that are too many to be told apart. */
function leftOut(scores: readonly ReleaseScores[]): Unknown[] {
  return scores.flatMap(({ releaseId, count }) =>
    releaseId === null ? [{ reason: 'places_left_out' as const, requests: count.before + count.after }] : [],
  )
}

function total(pairs: readonly Pair[]): Pair {
  return pairs.reduce(
    (sum, { before, after }) => ({ before: sum.before + before, after: sum.after + after }),
    { before: 0, after: 0 },
  )
}

function windowOf({ fromMs, toMs }: Span, scores: readonly ReleaseScores[], side: keyof Pair): Window {
  const requests = total(scores.map(({ count }) => count))[side]
  const sum = total(scores.map((one) => one.sum))[side]
  return { fromMs, toMs, requests, level: requests === 0 ? null : sum / requests }
}
