/** Has a vector store searched as it now is. Safe to run twice: one run is at a store, and another one ends at once. */

import { JOBS } from '../queue/jobs.ts'
import { type UpdateDeps, updateStore } from '../retrieval/stores/update.ts'

/** Returns how it ended. Throws ZodError for a payload without an id, and whatever a second try may mend. */
export async function runUpdateStore(
  deps: Omit<UpdateDeps, 'signal'>,
  payload: unknown,
  signal: AbortSignal,
): Promise<string> {
  const { storeId } = JOBS['update-store'].parse(payload)
  return await updateStore({ ...deps, signal }, storeId)
}
