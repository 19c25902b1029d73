/** Puts what a key does through /api on the log, before it takes effect or the data is returned. */

import type { EventLog } from '../../audit/record.ts'
import type { VirtualKey } from '../../keys/key.ts'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'

type Recorded = {
  /** What is done: `requests.show`. */
  action: string
  /** What it is done to: an id. */
  target?: string | null
  /** Why, in the caller's words. */
  purpose?: string | null | undefined
  detail?: Readonly<Record<string, unknown>>
}

export type Recorder = {
  /** A change somebody makes. Rejects when the log cannot take it: then nothing may change. */
  admin(key: VirtualKey, what: Recorded): Promise<void>
  /** Data somebody reads. Rejects when the log cannot take it: then nothing may be returned. */
  access(key: VirtualKey, what: Recorded): Promise<void>
}

export function createRecorder(log: EventLog, clock: Clock): Recorder {
  const record = (kind: 'admin' | 'access', key: VirtualKey, what: Recorded): Promise<void> => {
    const atMs = clock.nowMs()
    return log.event({
      id: newId('evt', atMs),
      kind,
      atMs,
      projectId: key.projectId,
      actorId: key.id,
      actorName: key.name,
      action: what.action,
      target: what.target ?? null,
      purpose: what.purpose ?? null,
      detail: what.detail ?? {},
    })
  }
  return {
    admin: (key, what) => record('admin', key, what),
    access: (key, what) => record('access', key, what),
  }
}
