/** Reads for a verdict what is known of a run's judges. Loads none of the statistics. */

import type { Sql } from 'postgres'
import type { Estimate } from '../../lib/statistics/estimate.ts'
import { type JudgeCalibration, type JudgeEvidence, type RatedItem, rulesHash } from '../runs/calibration.ts'
import { parseRunContent } from '../runs/run-content.ts'
import type { RunRow } from '../runs/run-rows.ts'
import type { CalibrationFigures } from './calibrate.ts'
import {
  type CalibrationRow,
  listNewestCalibrations,
  listQueuesOfRun,
  type QueueContent,
  type QueueRow,
} from './queue-rows.ts'
import { isSettled } from './requirements.ts'
import { allTasks, parseQueueContent, progressOf } from './review.ts'
import { judgedValue } from './scale.ts'
import { stateOf } from './truth.ts'

/** All that a calibration says, as its row keeps it. */
export type CalibrationContent = {
  queue: { id: string; name: string; hash: string }
  rules: string
  about: QueueContent
  figures: Omit<CalibrationFigures, 'sensitivity' | 'specificity'> & {
    sensitivity: KeptEstimate | null
    specificity: KeptEstimate | null
  }
}
/** `se` is null where one group leaves it unbounded. */
type KeptEstimate = Omit<Estimate, 'se'> & { se: number | null }

export function parseCalibration({ content }: Pick<CalibrationRow, 'content'>): CalibrationContent {
  return JSON.parse(content) as CalibrationContent
}

/** By the names of the run's judges; of those alone that have a calibration. */
export async function readEvidence(sql: Sql, run: RunRow): Promise<Map<string, JudgeEvidence>> {
  const judges = parseRunContent(run.content).scorers.filter(({ judge }) => judge === true)
  if (judges.length === 0) return new Map()
  const hashes = judges.map(rulesHash)
  const newest = await listNewestCalibrations(sql, run.projectId, hashes)
  const queues = newest.length === 0 ? [] : await listQueuesOfRun(sql, run.id, hashes)
  const evidence = new Map<string, JudgeEvidence>()
  for (const judge of judges) {
    const row = newest.find((one) => one.rulesHash === rulesHash(judge))
    if (row === undefined) continue
    const own = queues.filter((queue) => parseQueueContent(queue).judge.name === judge.name)
    evidence.set(judge.name, { calibration: toKnown(row), rated: await mostRated(sql, own) })
  }
  return evidence
}

function toKnown(row: CalibrationRow): JudgeCalibration {
  const { about, figures } = parseCalibration(row)
  const { misses, truths, kappa } = figures
  const isRate = about.scale.kind === 'yes-no' && about.scale.rate
  const known = (of: KeptEstimate | null) => of && { ...of, se: of.se ?? Number.POSITIVE_INFINITY }
  const [sensitivity, specificity] = [known(figures.sensitivity), known(figures.specificity)]
  return { id: row.id, misses, truths, kappa, sensitivity, specificity, isRate }
}

/** Of the queue in which most items are settled: two samples together would be no simple one. */
async function mostRated(sql: Sql, queues: readonly QueueRow[]): Promise<RatedItem[]> {
  let most: RatedItem[] = []
  for (const queue of queues) {
    const rated = await ratedItems(sql, queue)
    if (rated.length > most.length) most = rated
  }
  return most
}

/** Of a queue that is settled, and only where the judge's values are what people were asked for: a share that passes is another thing than a good answer. */
async function ratedItems(sql: Sql, queue: QueueRow): Promise<RatedItem[]> {
  const content = parseQueueContent(queue)
  if (content.scale.kind === 'yes-no' && !content.scale.rate) return []
  const units = new Map<number, { truth: number; judged: number }[]>()
  const tasks = await allTasks(sql, queue)
  if (!isSettled(progressOf(tasks, content))) return []
  for (const task of tasks) {
    const state = stateOf(task.ratings, content)
    const judged = task.judged === null ? null : judgedValue(content.scale, task.judged)
    if (state.state !== 'settled' || judged === null) continue
    units.set(task.position, [...(units.get(task.position) ?? []), { truth: state.truth, judged }])
  }
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  return [...units].map(([position, of]) => ({
    position,
    truth: mean(of.map(({ truth }) => truth)),
    judged: mean(of.map((one) => one.judged)),
  }))
}
