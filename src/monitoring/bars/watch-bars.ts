/** Five minutes of a project's traffic held against the bars of rules, in the transaction of whoever watches it: standings and alerts. */

import type { Sql, TransactionSql } from 'postgres'
import { METRICS } from '../../lib/watched-metrics.ts'
import type { Subject } from '../alerts/alert.ts'
import { endAlert, openAlert } from '../alerts/alert-rows.ts'
import { ruleIsAbout, ruleIsOf } from '../alerts/rules.ts'
import { type DataPoint, readRetrievalPoints, readScorePoints } from '../data/data-points.ts'
import { BUCKET_MS } from '../watch/buckets.ts'
import { subjectKey } from '../watch/subjects.ts'
import { type BarRule, barOf, isSameBar, type Judged, judgeBar, type Standing } from './bar.ts'
import { deleteStandings, MAX_STANDINGS, readStandings, writeStandings } from './bar-rows.ts'
import { type Measured, subjectsOf, valuesOf } from './bar-values.ts'

/** Of what is sampled, such as scores, so many make a value. */
const LEAST_SAMPLED = 5
/** Whoever was asked nothing for so long is silent: its alert ends, and what comes then begins anew. */
const SILENT_AFTER_MS = 86_400_000

export type BarsOfBucket = Measured & { projectId: string; atMs: number; bars: readonly BarRule[] }
/** `opened`: ids of alerts. */
export type Barred = { opened: string[]; ended: number }

export function barsOfProject(rules: readonly BarRule[], projectId: string): BarRule[] {
  return rules.filter((rule) => ruleIsOf(rule, projectId))
}

/** What bars need besides the traffic, by the length of their windows, each of which ends at `endMs`. */
export async function readMeasured(
  sql: Sql,
  { projectId, bars }: Pick<BarsOfBucket, 'projectId' | 'bars'>,
  endMs: number,
): Promise<Map<number, DataPoint[]>> {
  const wanted = bars.map(({ bar }) => bar).filter(({ metric }) => !Object.hasOwn(METRICS, metric))
  const measured = new Map<number, DataPoint[]>()
  for (const [overMs, own] of Map.groupBy(wanted, (bar) => bar.overMs)) {
    const window = { projectId, fromMs: endMs - overMs, toMs: endMs, asOne: true }
    const readers = [
      ...(own.some(({ metric }) => metric.startsWith('score')) ? [readScorePoints] : []),
      ...(own.some(({ metric }) => metric.startsWith('retrieval')) ? [readRetrievalPoints] : []),
    ]
    const points: DataPoint[] = []
    for (const read of readers) points.push(...(await read(sql, window)))
    const isEnough = ({ value, count }: DataPoint) => value !== null && count >= LEAST_SAMPLED
    measured.set(overMs, points.filter(isEnough))
  }
  return measured
}

/** Changes nothing but standings and alerts of bars. An alert whose bar is no more, or is another one now, ends. */
export async function watchBars(transaction: TransactionSql, bucket: BarsOfBucket): Promise<Barred> {
  const { projectId, atMs } = bucket
  const known = await readStandings(transaction, projectId)
  const { judged, gone } = standingsAfter(known, bucket)
  const barred: Barred = { opened: [], ended: 0 }
  for (const standing of gone) if (await end(transaction, projectId, standing, atMs)) barred.ended += 1
  for (const { standing, turned } of judged) {
    if (turned === null) continue
    if (standing.state === 'ok') {
      if (await end(transaction, projectId, standing, atMs)) barred.ended += 1
      continue
    }
    const id = await open(transaction, projectId, { standing, turned })
    if (id !== null) barred.opened.push(id)
  }
  await deleteStandings(transaction, projectId, gone)
  await writeStandings(
    transaction,
    projectId,
    judged.map(({ standing }) => standing),
  )
  return barred
}

/** Pure. `gone`: those that nothing holds against that bar any more, and those that were silent for a day. */
export function standingsAfter(
  known: readonly Standing[],
  { projectId, atMs, bars, ...measured }: BarsOfBucket,
): { judged: Judged[]; gone: Standing[] } {
  const windowOf = valuesOf(measured)
  const isKept = ({ subject, bar, heardMs }: Standing) => {
    const rule = bars.find(({ name }) => name === bar.rule)
    const isSame = rule !== undefined && isSameBar(barOf(rule), bar)
    return isSame && ruleIsAbout(rule, { projectId, subject }) && !isSilent(heardMs, atMs + BUCKET_MS)
  }
  const [kept, gone] = [known.filter(isKept), known.filter((standing) => !isKept(standing))]
  const taken = new Set(kept.map(({ bar, subject }) => keyOf(bar.rule, subject)))
  const judge = (before: Standing | null, of: Pick<Standing, 'subject' | 'bar'>) => {
    const value = windowOf(of.subject, of.bar)
    return value === null ? [] : [judgeBar(before, value, atMs, of)]
  }
  const fresh = subjectsOf(measured).flatMap((subject) =>
    bars
      .filter((rule) => ruleIsAbout(rule, { projectId, subject }) && !taken.has(keyOf(rule.name, subject)))
      .flatMap((rule) => judge(null, { subject, bar: barOf(rule) })),
  )
  const room = Math.max(0, MAX_STANDINGS - kept.length)
  return { judged: [...kept.flatMap((one) => judge(one, one)), ...fresh.slice(0, room)], gone }
}

async function open(
  transaction: TransactionSql,
  projectId: string,
  { standing, turned }: { standing: Standing; turned: { sinceMs: number } },
): Promise<string | null> {
  const { subject, bar, newestMs, value } = standing
  const key = { projectId, subject, metric: bar.metric }
  const times = { beganAtMs: turned.sinceMs, openedAtMs: newestMs }
  return await openAlert(transaction, { ...key, ...times, change: 'bar', value, usual: null, excess: 1, bar })
}

/** Whether it had an alert, which ends with the bucket. */
async function end(
  transaction: TransactionSql,
  projectId: string,
  { subject, bar }: Standing,
  atMs: number,
): Promise<boolean> {
  const key = { projectId, subject, metric: bar.metric, rule: bar.rule }
  return (await endAlert(transaction, key, atMs + BUCKET_MS)) !== null
}

function isSilent(heardMs: number, nowMs: number): boolean {
  return heardMs < nowMs - SILENT_AFTER_MS
}

function keyOf(rule: string, subject: Subject): string {
  return `${rule} ${subjectKey(subject)}`
}

/** Of a project that is not read any more: how many alerts ended. */
export async function endSilentBars(
  transaction: TransactionSql,
  projectId: string,
  settledMs: number,
): Promise<number> {
  const standings = await readStandings(transaction, projectId)
  const silent = standings.filter(({ heardMs }) => isSilent(heardMs, settledMs))
  let ended = 0
  for (const standing of silent) {
    if (await end(transaction, projectId, standing, settledMs - BUCKET_MS)) ended += 1
  }
  await deleteStandings(transaction, projectId, silent)
  return ended
}
