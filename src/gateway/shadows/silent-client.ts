/** The caller of a mirrored call: nobody. What is written to it goes nowhere; the log has kept it by then. */

import type { Client } from '../client.ts'

/** `leave` ends the call, as a caller does who goes away. */
export function silentClient(): Client & { leave(): void } {
  let gone = false
  let onGone: (() => void) | null = null
  return {
    get gone() {
      return gone
    },
    start() {},
    write: () => true,
    end() {},
    onDrain() {},
    onGone(listener) {
      onGone = listener
      if (gone) listener()
    },
    leave() {
      if (gone) return
      gone = true
      onGone?.()
    },
  }
}
