/** Project names and ids. The id follows from the name, so that a key in aval.yaml has one without a database. */

const PROJECT_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

export const DEFAULT_PROJECT = 'default'

/** Lower-case letters, digits and inner hyphens, at most 63. */
export function isProjectName(name: string): boolean {
  return PROJECT_NAME.test(name)
}

/** `prj_<name>`: the same on every replica and in every database. */
export function projectIdOf(name: string): string {
  return `prj_${name}`
}
