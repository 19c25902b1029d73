/** What a key may hand on: a key that is not an admin's never mints, rotates or revokes more than it is itself. */

import { routesOutside } from './allowed-routes.ts'
import { hasRole, type Role, type VirtualKey } from './key.ts'

/** The part of a key that decides what it can do. Times are milliseconds since the epoch, null = no bound. */
export type KeyScope = {
  projectId: string
  roles: readonly Role[]
  allowedRoutes: readonly string[] | null
  rpm: number | null
  concurrency: number | null
  expiresAtMs: number | null
}

/** Why `wanted` is more than `minter` has, as a sentence; null when it is a subset. Projects bind admins too. */
export function exceedsScope(minter: VirtualKey, wanted: KeyScope): string | null {
  if (wanted.projectId !== minter.projectId) {
    return `Key ${minter.id} belongs to project ${minter.projectId}, not ${wanted.projectId}. A project's first admin is declared under keys: in aval.yaml.`
  }
  if (hasRole(minter, 'admin')) return null
  const roles = wanted.roles.filter((role) => !minter.roles.includes(role))
  if (roles.length > 0) {
    return `Key ${minter.id} has the roles ${minter.roles.join(', ')} and cannot hand on ${roles.join(', ')}. Ask an admin.`
  }
  const routes = routesOutside(minter.allowedRoutes, wanted.allowedRoutes)
  if (routes.length > 0) {
    return `Key ${minter.id} may call ${minter.allowedRoutes?.join(', ')} and cannot hand on ${routes.join(', ')}. Name a subset of its routes.`
  }
  return (
    aboveBound('rpm', minter.rpm, wanted.rpm) ??
    aboveBound('concurrency', minter.concurrency, wanted.concurrency) ??
    outlives(minter, wanted)
  )
}

function aboveBound(name: string, own: number | null, wanted: number | null): string | null {
  if (own === null || (wanted !== null && wanted <= own)) return null
  return `The ${name} of the new key is ${wanted ?? 'unlimited'}; the key that makes it has ${own}. Ask for ${own} or less.`
}

function outlives(minter: VirtualKey, wanted: KeyScope): string | null {
  if (minter.expiresAtMs === null) return null
  if (wanted.expiresAtMs !== null && wanted.expiresAtMs <= minter.expiresAtMs) return null
  return `The new key would outlive the key that makes it. Let it expire at ${new Date(minter.expiresAtMs).toISOString()} or earlier.`
}
