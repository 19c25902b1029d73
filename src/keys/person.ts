/** Whose a key is, and whose key one may make. Where two people are asked for, two keys of one person are not enough. */

import { hasRole, type VirtualKey } from './key.ts'

/** Who answers for what the key does: its owner, or the key itself where it has none. The one place that says so. */
export function personOf(key: Pick<VirtualKey, 'id' | 'owner'>): string {
  return key.owner ?? key.id
}

/** Why this key may not make or renew a key of `person`, as a sentence; null when it may. Only admins speak for others. */
export function whyNotFor(minter: VirtualKey, person: string): string | null {
  const own = personOf(minter)
  if (person === own || hasRole(minter, 'admin')) return null
  return `Key ${minter.id} belongs to ${own} and makes no key of ${person}. Ask an admin, who may name any owner.`
}
