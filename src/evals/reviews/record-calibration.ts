/** Writes down what a queue's ratings say of its judge. */

import { newId } from '../../lib/ids.ts'
import type { Estimate } from '../../lib/statistics/estimate.ts'
import type { Actor } from '../../registry/actor.ts'
import { contentOf } from '../../registry/content.ts'
import { inThread } from '../in-thread.ts'
import type { CalibrationFigures } from './calibrate.ts'
import type { CalibrationContent } from './judge-evidence.ts'
import { type CalibrationRow, insertCalibration, type QueueRow } from './queue-rows.ts'
import { allTasks, parseQueueContent, type ReviewDeps } from './review.ts'

const THREAD = new URL('./calibration-thread.ts', import.meta.url)
/** 5,000 tasks of nine reviewers take about two seconds. */
const TIME_LIMIT_MS = 60_000

export async function calibrate(
  { sql, clock }: ReviewDeps,
  author: Actor,
  queue: QueueRow,
): Promise<CalibrationRow> {
  const about = parseQueueContent(queue)
  const given = [await allTasks(sql, queue), about]
  const figures = await inThread<CalibrationFigures>(THREAD, given, TIME_LIMIT_MS)
  const of: CalibrationContent = {
    queue: { id: queue.id, name: queue.name, hash: queue.hash },
    rules: queue.rulesHash,
    about,
    figures: finite(figures),
  }
  const { text, hash } = contentOf(of)
  const nowMs = clock.nowMs()
  const row = {
    id: newId('cal', nowMs),
    queueId: queue.id,
    rulesHash: queue.rulesHash,
    content: text,
    hash,
    qualifies: figures.misses.length === 0,
    createdBy: author.id,
    createdByName: author.name,
    createdAt: new Date(nowMs).toISOString(),
  }
  await insertCalibration(sql, author.projectId, row)
  return { ...row, queue: queue.name }
}

/** One group has no standard error; JSON has no infinity. */
function finite(figures: CalibrationFigures): CalibrationFigures {
  const known = (of: Estimate | null) => of && { ...of, se: Number.isFinite(of.se) ? of.se : 0 }
  return { ...figures, sensitivity: known(figures.sensitivity), specificity: known(figures.specificity) }
}
