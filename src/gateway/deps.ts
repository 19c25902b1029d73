/** What the data plane needs from the rest of the process. */

import type { AuditLog } from '../audit/record.ts'
import type { Clock } from '../lib/clock.ts'
import type { Question, Retrieval } from '../retrieval/retrieve.ts'
import type { RequestObserver } from '../telemetry/requests.ts'
import type { Admission } from './admission.ts'
import type { Breaker } from './breaker.ts'
import type { Loads } from './load/loads.ts'
import type { Answered } from './shadows/choose.ts'
import type { Snapshot } from './snapshot.ts'

export type GatewayDeps = {
  /** Read once per request: a swap never changes a request under way. */
  snapshot: () => Snapshot
  audit: AuditLog
  admission: Admission
  breaker: Breaker
  /** What is under way at each upstream. */
  loads: Loads
  clock: Clock
  random: () => number
  /** Searches the index of a release. */
  retrieve: (question: Question) => Promise<Retrieval>
  sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** Called when an answer is out, with what was asked: a shadow may send it again. Takes no time and never throws. */
  offerToShadow: (answered: Answered) => void
  /** Metrics and traces. */
  observer: RequestObserver
  /** An error of our own: goes to the log with the request id; the caller sees only the id. */
  reportBug: (error: unknown, requestId: string) => void
}
