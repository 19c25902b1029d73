/** Makes a dataset of the requests that an alert is about, each with the request it came from. */

import type { AuditKeys } from '../../audit/privacy/audit-keys.ts'
import { RequestError } from '../../errors.ts'
import { listAffected } from '../../evals/datasets/affected-rows.ts'
import { findDataset, pushDataset, pushItems } from '../../evals/datasets/dataset-versions.ts'
import { openRequests } from '../../evals/datasets/open-requests.ts'
import type { DatasetVersionRow } from '../../evals/datasets/store.ts'
import { type Alert, heldAgainst } from '../../monitoring/alerts/alert.ts'
import { type ActionDeps, alertName, type Came, type Intent, policyActor, type Situation } from './action.ts'
import { recordRead } from './record-action.ts'

/** Of one record of a read, which names its requests. */
const BATCH = 50
/** A creep may have begun long before anybody could see it. */
const MAX_SPAN_MS = 7 * 86_400_000

/** Rejects with what a second try may mend. */
export async function gatherDataset(deps: ActionDeps, situation: Situation): Promise<Intent> {
  const { alert, label, rule } = situation
  const name = alertName(alert, label.route)
  const { keys } = deps
  if (keys === null) {
    return {
      refused: "The worker has no audit key and opens no request. Give it the gateways' AVAL_AUDIT_KEY.",
    }
  }
  const ids = await listAffected(deps.sql, affectedBy(alert, label.route), rule.items)
  if (ids === null) return { refused: `A change of ${alert.metric} is about no single request.` }
  if (ids.length === 0) {
    return { refused: `The log has no request of ${label.route} that shows it since the change began.` }
  }
  return {
    detail: { dataset: name, requests: ids.length },
    take: async (keep) => {
      // A run of this that was killed may have made it.
      const known = await findDataset(deps.sql, alert.projectId, name)
      const came =
        known === null ? await pushed({ ...deps, keys }, situation, { name, ids }) : cameOf(known, 0)
      await keep(deps.db, came)
    },
  }
}

/** What was asked while it went on unseen: from the beginning of the change to when it was noticed. Pure. */
function affectedBy(alert: Alert, route: string) {
  const { projectId, metric, value, beganAtMs, openedAtMs } = alert
  const level = heldAgainst(alert)
  const sinceMs = Math.max(Math.min(beganAtMs, openedAtMs), openedAtMs - MAX_SPAN_MS)
  const isDown = value !== null && level !== null ? value < level : metric.startsWith('score:')
  return {
    projectId,
    route,
    since: new Date(sinceMs).toISOString(),
    until: new Date(openedAtMs).toISOString(),
    metric,
    bar: level,
    sign: isDown ? -1 : 1,
  } as const
}

async function pushed(
  deps: ActionDeps & { keys: Pick<AuditKeys, 'wrapping'> },
  { alert, label }: Situation,
  { name, ids }: { name: string; ids: readonly string[] },
): Promise<Came> {
  const author = policyActor(alert.projectId)
  const hashes: string[] = []
  const left = new Map<string, number>()
  for (let at = 0; at < ids.length; at += BATCH) {
    const batch = ids.slice(at, at + BATCH)
    await recordRead(deps, alert, batch)
    const opened = await openRequests(deps, alert.projectId, batch)
    if (opened.items.length > 0) hashes.push(...(await pushItems(deps, alert.projectId, opened.items)))
    for (const [reason, count] of opened.left) left.set(reason, (left.get(reason) ?? 0) + count)
  }
  const why = [...left].map(([reason, count]) => `${count}: ${reason}`).join('; ')
  if (hashes.length === 0) throw new RequestError('conflict', `No request became an item (${why}).`)
  const description = `Requests of ${label.route} that alert ${alert.id} is about (${alert.metric}).`
  const { version } = await pushDataset(deps, author, { name, hashes, schema: null, description })
  return cameOf(version, ids.length - hashes.length, why)
}

function cameOf({ name, version, items }: DatasetVersionRow, left: number, why = ''): Came {
  const rest = left === 0 ? '' : ` ${left} were left out (${why}).`
  return { note: `${items} requests are ${name}@${version}.${rest}`, targets: [`${name}@${version}`] }
}
