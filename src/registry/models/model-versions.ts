/** Model versions: pushed once, numbered, never changed. A push of a content that is there already changes nothing. */

import type { Db } from '../../db/client.ts'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Actor } from '../actor.ts'
import type { Content } from '../content.ts'
import { pushVersion } from '../push-version.ts'
import { findVersion, type VersionRow } from '../store.ts'
import { type ModelContent, readModelContent } from './model-content.ts'
import { listNewestModelVersions, listVersionsOfModel } from './store.ts'

export type ModelVersion = Omit<VersionRow, 'content'> & { content: ModelContent }

/** Each one lost means that another push won, so as many would have to win in a row. */
const PUSH_TRIES = 100

/**
 * Adds the content as the next version of the name in the actor's project, or finds the version that has it already,
 * however old: `created` tells which. Throws RequestError conflict when others push the same name without pause.
 */
export async function pushModelVersion(
  deps: { db: Db; clock: Clock },
  actor: Actor,
  { name, content }: { name: string; content: Content },
): Promise<{ version: ModelVersion; created: boolean }> {
  const push = { kind: 'model' as const, name, content, expectedVersion: null, tries: PUSH_TRIES }
  const pushed = await pushVersion(deps, actor, push)
  if (pushed !== null) return { version: toVersion(pushed.row), created: pushed.created }
  throw new RequestError('conflict', `Others push versions of "${name}" without pause. Push again.`)
}

/** A version of a name, the newest for null. Throws RequestError not_found, also for one of another project. */
export async function getModelVersion(
  db: Db,
  projectId: string,
  wanted: { name: string; version: number | null },
): Promise<ModelVersion> {
  const { name, version } = wanted
  const row = await findVersion(db, 'model', { projectId, name }, version)
  if (row !== null) return toVersion(row)
  const what = wanted.version === null ? `"${wanted.name}"` : `"${wanted.name}@${wanted.version}"`
  throw new RequestError(
    'not_found',
    `This project has no model version ${what}. GET /api/model-versions lists them.`,
  )
}

/** The newest version of each name, by name. */
export async function listModels(
  db: Db,
  projectId: string,
  page: { after: string | null; limit: number },
): Promise<ModelVersion[]> {
  return (await listNewestModelVersions(db, projectId, page)).map(toVersion)
}

/** All versions of a name, newest first. Throws RequestError not_found when there is none. */
export async function listModelHistory(
  db: Db,
  projectId: string,
  page: { name: string; before: number | null; limit: number },
): Promise<ModelVersion[]> {
  const rows = await listVersionsOfModel(db, projectId, page)
  if (rows.length === 0) await getModelVersion(db, projectId, { name: page.name, version: null })
  return rows.map(toVersion)
}

function toVersion(row: VersionRow): ModelVersion {
  return { ...row, content: readModelContent(row.content) }
}
