/** Takes over what earlier runs of a project have asked and judged, where the run's suite allows it. */

import type { Sql, TransactionSql } from 'postgres'
import type { Clock } from '../../../lib/clock.ts'
import type { Sample } from '../../scorers/scorer.ts'
import { insertResult, insertScores, type ResultRow, type ScoreRow, type Unit } from '../result-rows.ts'
import type { RunContent } from '../run-content.ts'
import type { RunRow } from '../run-rows.ts'
import { type AnswererOf, answerKey, judgementKey } from './keys.ts'
import { findAnswers, findJudgements } from './rows.ts'

export type TakeDeps = {
  sql: Sql
  clock: Clock
  answererOf: AnswererOf
  /** Writes only while the run is this worker's. */
  own(write: (transaction: TransactionSql, now: string) => Promise<void>): Promise<void>
}

/** Since when an answer may be there, for a run that takes answers over now. ISO 8601, UTC. */
export function takenSince(clock: Clock, { maxAgeMs }: NonNullable<RunContent['cache']>): string {
  return new Date(clock.nowMs() - maxAgeMs).toISOString()
}

/**
 * The units of one page, those with an answer that were without and are taken over. These are kept before anything else is asked:
 * a worker that is killed in between has taken nothing, and the next one looks again.
 */
export async function takeAnswers(
  { sql, clock, answererOf, own }: TakeDeps,
  row: Pick<RunRow, 'id' | 'projectId'>,
  content: RunContent,
  units: readonly Unit[],
): Promise<Unit[]> {
  if (content.cache === undefined) return [...units]
  const wanted = units.flatMap((unit) => {
    const key = unit.result === null ? answerKey(answererOf, row.projectId, content, unit) : null
    return key === null ? [] : [{ position: unit.position, repeat: unit.repeat, key }]
  })
  if (wanted.length === 0) return [...units]
  const since = takenSince(clock, content.cache)
  const found = await findAnswers(sql, { id: row.id, projectId: row.projectId, since }, wanted)
  if (found.length === 0) return [...units]
  await own(async (transaction, now) => {
    for (const result of found) await insertResult(transaction, row.id, result, now)
  })
  const byPlace = new Map(found.map((result) => [placeOf(result), result]))
  return units.map((unit) => ({ ...unit, result: unit.result ?? byPlace.get(placeOf(unit)) ?? null }))
}

function placeOf({ position, repeat }: Pick<ResultRow, 'position' | 'repeat'>): string {
  return `${position} ${repeat}`
}

/** The key of each judge's judgement of one answer, by the judge's name; null where none may be taken over. */
export type JudgementKeys = ReadonlyMap<string, string | null>

/** Of a unit that has an answer, by everything that its judges are shown. */
export function judgementKeys(
  answererOf: AnswererOf,
  { projectId }: Pick<RunRow, 'projectId'>,
  { scorers }: RunContent,
  { item, repeat, sample }: Pick<Unit, 'item' | 'repeat'> & { sample: Sample },
): JudgementKeys {
  const judges = scorers.filter(({ judge }) => judge === true)
  return new Map(
    judges.map((scorer) => [
      scorer.name,
      judgementKey(answererOf, projectId, scorer, { item, repeat, sample }),
    ]),
  )
}

/** Keeps the judgements of these judges that are taken over, and gives their names. */
export async function takeJudgements(
  { sql, clock, own }: TakeDeps,
  row: Pick<RunRow, 'id' | 'projectId'>,
  { cache }: RunContent,
  { unit, keys, judges }: { unit: Unit; keys: JudgementKeys; judges: readonly string[] },
): Promise<string[]> {
  if (cache === undefined) return []
  const wanted = judges.flatMap((scorer) => {
    const key = keys.get(scorer) ?? null
    return key === null ? [] : [{ scorer, key }]
  })
  if (wanted.length === 0) return []
  const taking = { id: row.id, projectId: row.projectId, since: takenSince(clock, cache) }
  const found = await findJudgements(
    sql,
    taking,
    wanted.map(({ key }) => key),
  )
  const byKey = new Map(found.map(({ key, ...score }) => [key, score]))
  const taken = wanted.flatMap(({ scorer, key }): ScoreRow[] => {
    const score = byKey.get(key)
    // As this suite calls the judge.
    return score === undefined ? [] : [{ ...score, scorer }]
  })
  if (taken.length > 0) {
    await own((transaction, now) => insertScores(transaction, row.id, unit, taken, now))
  }
  return taken.map(({ scorer }) => scorer)
}
