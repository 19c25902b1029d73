/** What the routes of files and vector stores are given. */

import type { Sql } from 'postgres'
import type { AuditLog } from '../../audit/record.ts'
import type { Admission } from '../../gateway/admission.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Retriever } from '../../retrieval/retrieve.ts'
import type { UpstreamModels } from '../../retrieval/upstream-models.ts'
import type { Recorder } from '../api/recorder.ts'

export type StoresDeps = Pick<UpstreamModels, 'embedderOf'> & {
  sql: Sql
  clock: Clock
  record: Recorder
  admission: Admission
  /** Gets a row for each search. */
  log: Pick<AuditLog, 'whole'>
  retriever: Pick<Retriever, 'retrieve'>
  /** Tells the workers that a vector store has changed. Neither waits nor throws. */
  ring: (storeId: string) => void
}
