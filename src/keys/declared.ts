/** Keys declared under `keys:` in aval.yaml. Their secrets live in a vault; only digests are kept. */

import type { KeyObject } from 'node:crypto'
import { ConfigError } from '../errors.ts'
import type { Secret } from '../lib/secret.ts'
import { isRoutePattern } from './allowed-routes.ts'
import type { Role, VirtualKey } from './key.ts'
import { DEFAULT_PROJECT, isProjectName, projectIdOf } from './project.ts'
import { digestSecret, parseToken } from './token.ts'

/** A key as the config gives it: the secret is already read from the environment or a file. */
export type DeclaredKey = {
  name: string
  /** Null makes the key a person of its own. */
  owner: string | null
  secret: Secret
  roles: readonly Role[]
  /** Project name, not id; null is the default project. */
  project: string | null
  routes: readonly string[] | null
  expiresAtMs: number | null
  rpm: number | null
  concurrency: number | null
}

/** A key in memory with the digest it is compared by. */
export type KeyEntry = { key: VirtualKey; digest: Buffer }

/** Declared keys by what finds them: our own shape by id, any other by its whole digest, never by a prefix. */
export type DeclaredKeys = {
  byId: ReadonlyMap<string, KeyEntry>
  byDigest: ReadonlyMap<string, KeyEntry>
}

/** Shorter secrets can be guessed, and the check that stops guessing must not depend on a rate limit. */
const SECRET_MIN_LETTERS = 32
const SECRET_MAX_LETTERS = 512

export const NO_DECLARED_KEYS: DeclaredKeys = { byId: new Map(), byDigest: new Map() }

/** How a digest becomes a key of `byDigest`. */
export function digestName(digest: Buffer): string {
  return digest.toString('latin1')
}

/** Digests declared keys. Throws ConfigError with one line per problem: short secrets, duplicates, bad names. */
export function digestDeclaredKeys(pepper: KeyObject, declared: readonly DeclaredKey[]): DeclaredKeys {
  const byId = new Map<string, KeyEntry>()
  const byDigest = new Map<string, KeyEntry>()
  const names = new Set<string>()
  const secrets = new Map<string, string>()
  const problems: string[] = []
  for (const [at, wanted] of declared.entries()) {
    const secret = wanted.secret.reveal()
    const problem = problemOf(wanted, secret, names)
    const whole = digestName(digestSecret(pepper, secret))
    const twin = secrets.get(whole)
    if (problem !== null) problems.push(`keys[${at}]: ${problem}`)
    else if (twin !== undefined) {
      problems.push(
        `keys[${at}].secret: "${wanted.name}" has the same secret as "${twin}". Give each its own.`,
      )
    }
    names.add(wanted.name)
    secrets.set(whole, wanted.name)
    const own = parseToken(secret)
    const entry = { key: toVirtualKey(wanted), digest: digestSecret(pepper, own?.secret ?? secret) }
    if (own === null) byDigest.set(whole, entry)
    else byId.set(own.id, entry)
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return { byId, byDigest }
}

function problemOf(wanted: DeclaredKey, secret: string, names: ReadonlySet<string>): string | null {
  if (names.has(wanted.name)) return `the name "${wanted.name}" is used twice. Name each key once.`
  if (secret.length < SECRET_MIN_LETTERS || secret.length > SECRET_MAX_LETTERS) {
    return `the secret of "${wanted.name}" (${wanted.secret.source}) has ${secret.length} characters; it needs ${SECRET_MIN_LETTERS} to ${SECRET_MAX_LETTERS}.`
  }
  if (!/^[\x21-\x7e]+$/.test(secret)) {
    return `the secret of "${wanted.name}" (${wanted.secret.source}) holds spaces or letters outside ASCII, which no Authorization header carries.`
  }
  if (wanted.roles.length === 0) return `"${wanted.name}" has no roles. Name at least one.`
  if (wanted.project !== null && !isProjectName(wanted.project)) {
    return `the project "${wanted.project}" of "${wanted.name}" is not a name: lower-case letters, digits and hyphens, at most 63.`
  }
  const pattern = wanted.routes?.find((route) => !isRoutePattern(route))
  if (pattern === undefined) return null
  return `the route "${pattern}" of "${wanted.name}" is not a pattern: a name with at most one *, at its end.`
}

function toVirtualKey(wanted: DeclaredKey): VirtualKey {
  return {
    id: `cfg_${wanted.name}`,
    name: wanted.name,
    owner: wanted.owner,
    projectId: projectIdOf(wanted.project ?? DEFAULT_PROJECT),
    roles: wanted.roles,
    allowedRoutes: wanted.routes,
    rpm: wanted.rpm,
    concurrency: wanted.concurrency,
    expiresAtMs: wanted.expiresAtMs,
  }
}
