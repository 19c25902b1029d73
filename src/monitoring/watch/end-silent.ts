/** What becomes of a project's series and standings at bars that were silent for a day, whether or not anything of the project is read any more. */

import type { Sql } from 'postgres'
import { endAlert } from '../alerts/alert-rows.ts'
import { endSilentBars } from '../bars/watch-bars.ts'
import { SILENT_AFTER_MS, takeSilence } from './series.ts'
import { holdCursor, readSeries, writeSeries } from './series-rows.ts'

/** Series become `no_data`, standings go, and their alerts end: how many did. `nowMs`: when rows are changed. */
export async function endSilent(
  sql: Sql,
  projectId: string,
  settledMs: number,
  nowMs: number,
): Promise<number> {
  return await sql.begin(async (transaction) => {
    await holdCursor(transaction, projectId)
    const series = await readSeries(transaction, projectId, {
      silentSinceMs: settledMs - SILENT_AFTER_MS,
    })
    const silent = series.filter((one) => takeSilence(one, settledMs))
    let ended = await endSilentBars(transaction, projectId, settledMs)
    for (const { subject, metric } of silent) {
      if ((await endAlert(transaction, { projectId, subject, metric }, settledMs)) !== null) ended += 1
    }
    await writeSeries(transaction, projectId, silent, nowMs)
    return ended
  })
}
