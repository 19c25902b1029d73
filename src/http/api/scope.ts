/** Whose part of the log a key sees, and which subject it means. */

import { isPseudonym } from '../../audit/privacy/audit-keys.ts'
import type { RequestScope } from '../../audit/store.ts'
import { DEFAULT_PROJECT, projectIdOf } from '../../keys/project.ts'

/** The pseudonym under which the log keeps a subject of a project. */
export type Pseudonymizer = (projectId: string, subject: string) => string

/** Requests without a key belong to nobody; whoever audits the default project sees them. */
export function scopeOf(projectId: string): RequestScope {
  return { projectId, unowned: projectId === projectIdOf(DEFAULT_PROJECT) }
}

/** A pseudonym as it is; anything else is a subject as an app names it. */
export function subjectOf(text: string, projectId: string, pseudonym: Pseudonymizer): string {
  return isPseudonym(text) ? text : pseudonym(projectId, text)
}
