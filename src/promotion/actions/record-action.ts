/** Puts what a policy does by itself on the log, before it does it. */

import type { EventRecord } from '../../audit/record.ts'
import { newId } from '../../lib/ids.ts'
import type { Alert } from '../../monitoring/alerts/alert.ts'
import { type ActionDeps, placeText, type Situation } from './action.ts'
import type { AlertAction } from './rules.ts'

type RecordDeps = Pick<ActionDeps, 'log' | 'clock'>

/** Rejects when the log cannot take it: then nothing may happen. */
export async function recordAction(
  deps: RecordDeps,
  { alert, label, policy }: Pick<Situation, 'alert' | 'label' | 'policy'>,
  { action, detail }: { action: AlertAction; detail: Readonly<Record<string, unknown>> },
): Promise<void> {
  const target = placeText(label)
  await record(deps, alert, 'admin', {
    action: `alert.${action}`,
    detail: { label: target, policy: policy.name, ...detail },
  })
}

/** Before the first of these requests is opened. */
export async function recordRead(deps: RecordDeps, alert: Alert, ids: readonly string[]): Promise<void> {
  await record(deps, alert, 'access', { action: 'alert.dataset', detail: { requests: ids.length, ids } })
}

async function record(
  { log, clock }: RecordDeps,
  { id, projectId, metric, subject }: Alert,
  kind: EventRecord['kind'],
  what: Pick<EventRecord, 'action' | 'detail'>,
): Promise<void> {
  const atMs = clock.nowMs()
  await (await log()).event({
    ...what,
    id: newId('evt', atMs),
    kind,
    atMs,
    projectId,
    actorId: null,
    actorName: 'policy',
    target: id,
    purpose: `${metric} of ${subject.name}`,
  })
}
