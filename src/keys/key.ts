/** What a virtual key is, once it has been read into memory. Holds a digest, never the secret. */

export const ROLES = ['admin', 'engineer', 'approver', 'auditor', 'app'] as const
export type Role = (typeof ROLES)[number]

export type VirtualKey = {
  /** `vk_…`, or `cfg_<name>` for a key declared in aval.yaml. */
  id: string
  name: string
  /** Who answers for it; null where nobody was named: `personOf` says who that is. */
  owner: string | null
  projectId: string
  roles: readonly Role[]
  /** Routes and `upstream/model` names this key may call, `*` wildcards allowed at the end; null = all. */
  allowedRoutes: readonly string[] | null
  /** Requests per minute and requests at once; null = the configured default for apps, or none. */
  rpm: number | null
  concurrency: number | null
  expiresAtMs: number | null
}

/** True when the key carries one of the roles. */
export function hasRole(key: VirtualKey, ...roles: readonly Role[]): boolean {
  return key.roles.some((role) => roles.includes(role))
}
