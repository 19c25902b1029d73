/** From what a person writes (`support-answer@14`) to the version that a release pins. */

import type { Db } from '../../db/client.ts'
import { RequestError } from '../../errors.ts'
import { findVersion, type VersionKind, type VersionRow } from '../store.ts'
import { parseVersionRef } from './release-content.ts'

const EXAMPLES: Record<VersionKind, string> = {
  prompt: 'support-answer@14',
  model: 'gpt-4o-mini@3',
  index: 'handbook@5',
}

/** As a release pins it. */
export function pinned({ name, version, hash }: VersionRow) {
  return { name, version, hash }
}

/** What a reference means in a project. Throws RequestError invalid_value or not_found. */
export async function versionOf(
  db: Db,
  projectId: string,
  kind: VersionKind,
  text: string,
): Promise<VersionRow> {
  const ref = parseVersionRef(text)
  if (ref === null) {
    const message = `${JSON.stringify(text.slice(0, 100))} is no ${kind} version. Write a name, or a name and its number: ${EXAMPLES[kind]}.`
    throw new RequestError('invalid_value', message, { param: kind })
  }
  const found = await findVersion(db, kind, { projectId, name: ref.name }, ref.version)
  if (found !== null) return found
  throw missing(`There is no ${kind} ${text} in this project. aval ${kind} list shows what there is.`, kind)
}

export function missing(message: string, param: string): RequestError {
  return new RequestError('not_found', message, { param })
}
