/** What looks at canaries have read so far, so that the next look reads what is new. Lost with the process: then all is read once more. */

import { type ArmSeen, NOTHING_SEEN } from './arms-rows.ts'

/** Two releases of each canary's stage; more canaries than these at once read again what was let go. */
const MAX_ARMS = 400

export type ArmMemory = {
  /** `key` names promotion, stage and release. */
  seen(key: string): ArmSeen
  keep(key: string, seen: ArmSeen): void
}

export function createArmMemory(): ArmMemory {
  // In the order in which they were kept: the first one is the oldest.
  const arms = new Map<string, ArmSeen>()
  return {
    seen: (key) => arms.get(key) ?? NOTHING_SEEN,
    keep: (key, seen) => {
      arms.delete(key)
      arms.set(key, seen)
      for (const oldest of arms.keys()) {
        if (arms.size <= MAX_ARMS) break
        arms.delete(oldest)
      }
    },
  }
}
