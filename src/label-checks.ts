/** What `aval doctor` says of labels and of the moves that put them where they are. */

import type { Db } from './db/client.ts'
import type { DoctorCheck } from './http/api/operations.ts'
import { listBrokenGlass, listUnloggedDecisions } from './promotion/store.ts'
import { forgedLabels } from './registry/releases/store.ts'

/** More of each than a person reads about. */
const MAX_SHOWN = 20

/** Labels and moves of every project that somebody must look at; nothing of a database that does not answer, which has a check of its own. */
export async function labelChecks(db: Db): Promise<DoctorCheck[]> {
  const [forged, unlogged, broken] = await Promise.all([
    forgedLabels(db, MAX_SHOWN).catch(() => []),
    listUnloggedDecisions(db, MAX_SHOWN).catch(() => []),
    listBrokenGlass(db, MAX_SHOWN).catch(() => []),
  ])
  return [
    ...forged.map(
      ({ projectId, route, label }): DoctorCheck => ({
        name: `label ${route}@${label}`,
        status: 'problem',
        detail: `(${projectId}) points somewhere else than its decision says: somebody has changed the database, and it serves nothing`,
        remedy: `Find out who (aval audit verify), then promote: aval promote ${route} … --to ${label}.`,
      }),
    ),
    ...unlogged.map(
      ({ projectId, route, label, decision, at }): DoctorCheck => ({
        name: `label ${route}@${label}`,
        status: 'problem',
        detail: `(${projectId}) was moved by ${decision} at ${at.toISOString()}, which nobody asked for on the log: somebody has written into the database, or its log is not in the database yet (aval audit verify)`,
        remedy: `Compare aval decisions list --route ${route} with aval audit events list, find out who, and promote: aval promote ${route} … --to ${label}.`,
      }),
    ),
    ...broken.map(
      ({ projectId, route, label, decision, at }): DoctorCheck => ({
        name: `label ${route}@${label}`,
        status: 'warning',
        detail: `(${projectId}) serves a release without evidence since ${at.toISOString()}: ${decision} broke the glass`,
        remedy: `Promote it with evidence (aval promote ${route} …), or take it back (aval rollback ${route} --label ${label}).`,
      }),
    ),
  ]
}
