/** Writes down what a queue's ratings say of its judge. */

import { newId } from '../../lib/ids.ts'
import type { Estimate } from '../../lib/statistics/estimate.ts'
import type { Actor } from '../../registry/actor.ts'
import { contentOf } from '../../registry/content.ts'
import type { CalibrationFigures } from './calibrate.ts'
import type { Calibrator } from './calibrator.ts'
import type { CalibrationContent } from './judge-evidence.ts'
import { type CalibrationRow, insertCalibration, type QueueRow } from './queue-rows.ts'
import { allTasks, parseQueueContent, type ReviewDeps } from './review.ts'

export async function calibrate(
  { sql, clock, figure }: ReviewDeps & { figure: Calibrator },
  author: Actor,
  queue: QueueRow,
): Promise<CalibrationRow> {
  const about = parseQueueContent(queue)
  const figures = await figure(await allTasks(sql, queue), about)
  const of: CalibrationContent = {
    queue: { id: queue.id, name: queue.name, hash: queue.hash },
    rules: queue.rulesHash,
    about,
    figures: kept(figures),
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

/** One group has no standard error, and JSON no infinity: null. */
function kept(figures: CalibrationFigures): CalibrationContent['figures'] {
  const known = (of: Estimate | null) => of && { ...of, se: Number.isFinite(of.se) ? of.se : null }
  return { ...figures, sensitivity: known(figures.sensitivity), specificity: known(figures.specificity) }
}
