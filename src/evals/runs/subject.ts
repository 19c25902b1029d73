/** Which exact thing a suite's subject means now: a label moves, a run does not. */

import type { Db } from '../../db/client.ts'
import { RequestError } from '../../errors.ts'
import { parseReleaseNumber } from '../../registry/releases/release-content.ts'
import { findLabel, findRelease, findReleaseById, type ReleaseRow } from '../../registry/releases/store.ts'
import type { Subject } from './run-content.ts'

export type SubjectDeps = {
  db: Db
  /** Whether this gateway serves a model name that is no release's: `upstream/model`, or a route of aval.yaml. */
  serves: (model: string) => boolean
}

/**
 * `pointer`, a release's number or a label, takes the place of what stands behind the `@`. Throws RequestError not_found for
 * what is not there.
 */
export async function resolveSubject(
  deps: SubjectDeps,
  projectId: string,
  text: string,
  pointer: string | null,
): Promise<Subject> {
  if (text === 'recorded') {
    if (pointer === null) return { kind: 'recorded' }
    throw new RequestError('invalid_value', 'Recorded outputs have no releases. Leave --release out.', {
      param: 'release',
    })
  }
  const at = text.lastIndexOf('@')
  const [route, own] = at < 1 ? [text, 'production'] : [text.slice(0, at), text.slice(at + 1)]
  const release = await findPointed(deps.db, projectId, route, pointer ?? own)
  if (release !== null) {
    return { kind: 'release', route, number: release.number, id: release.id, hash: release.hash }
  }
  // Also with an @ in it, which ids of models may have.
  if (pointer === null && deps.serves(text)) return { kind: 'model', model: text }
  throw new RequestError('not_found', nothingToAsk(text, route, pointer ?? own), { param: 'subject' })
}

function nothingToAsk(text: string, route: string, pointer: string): string {
  const shown = (name: string) => JSON.stringify(name.slice(0, 200))
  const slash = text.indexOf('/')
  if (slash > 0) {
    return `No upstream ${shown(text.slice(0, slash))} is configured, so ${shown(text)} cannot be asked. aval models list shows what can.`
  }
  return `There is no ${shown(`${route}@${pointer}`)} to ask. aval release list ${route} shows its releases, aval models list what can be asked without one.`
}

async function findPointed(
  db: Db,
  projectId: string,
  route: string,
  pointer: string,
): Promise<ReleaseRow | null> {
  const number = parseReleaseNumber(pointer)
  if (number !== null) return await findRelease(db, projectId, route, number)
  const label = await findLabel(db, projectId, route, pointer)
  // A canary is a release of its own to ask; the label stands for what is stable.
  return label === null ? null : await findReleaseById(db, projectId, label.releaseId)
}
