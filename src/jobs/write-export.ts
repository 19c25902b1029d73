/** Writes one export's files. Safe to run twice: a second run takes over, and one of them ends it. */

import { type WriteExportDeps, writeExport } from '../audit/export/write-export.ts'
import { JOBS } from '../queue/jobs.ts'

/** Returns how it ended. Throws ZodError for a payload without an id, and whatever a second try may mend. */
export async function runWriteExport(
  deps: Omit<WriteExportDeps, 'signal'>,
  payload: unknown,
  signal: AbortSignal,
): Promise<string> {
  const { exportId } = JOBS['write-export'].parse(payload)
  return await writeExport({ ...deps, signal }, exportId)
}
