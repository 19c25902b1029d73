/** Puts what a promotion does by itself on the log, before it does it. */

import type { EventLog } from '../../audit/record.ts'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import type { PromotionRow } from './store.ts'

export type RecordStep = (
  promotion: Pick<PromotionRow, 'id' | 'projectId' | 'route' | 'label' | 'reason'>,
  what: { action: string; detail: Readonly<Record<string, unknown>> },
) => Promise<void>

/** Rejects when the log cannot take it: then nothing may move. */
export function createRecordStep(log: () => Promise<EventLog>, clock: Clock): RecordStep {
  return async ({ id, projectId, route, label, reason }, { action, detail }) => {
    const atMs = clock.nowMs()
    await (await log()).event({
      id: newId('evt', atMs),
      kind: 'admin',
      atMs,
      projectId,
      actorId: null,
      actorName: null,
      action,
      target: id,
      purpose: reason,
      detail: { label: `${route}@${label}`, ...detail },
    })
  }
}
