/** Who answers runs, by the data plane that asks for them. */

import { answererOf } from '../../../gateway/answerer.ts'
import type { Snapshot } from '../../../gateway/snapshot.ts'
import { runKey } from '../run-key.ts'
import type { AnswererOf } from './keys.ts'

/** As a run's question would be sent at the moment of asking. */
export function answerersOf(snapshot: () => Snapshot): AnswererOf {
  return (projectId, model) =>
    answererOf(snapshot(), runKey({ projectId, runId: 'run', runName: 'eval' }), model)
}
