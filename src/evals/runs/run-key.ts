/** The key that a run asks under: in memory alone, without limits beyond the suite's, and on the log under the run's id. */

import type { VirtualKey } from '../../keys/key.ts'
import type { Call } from './ask.ts'

export function runKey({
  projectId,
  runId,
  runName,
}: Pick<Call, 'projectId' | 'runId' | 'runName'>): VirtualKey {
  return {
    id: runId,
    name: runName,
    owner: null,
    projectId,
    roles: ['engineer'],
    allowedRoutes: null,
    rpm: null,
    concurrency: null,
    expiresAtMs: null,
  }
}
