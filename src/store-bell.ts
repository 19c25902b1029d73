/** Tells the workers of vector stores that changed. Changes of one store within a moment are one ring: clients add files one by one. */

import { randomUUID } from 'node:crypto'
import type { Ring } from './queue/jobs.ts'

const GATHER_MS = 100

/** The function neither waits nor throws; a bell that was not heard is rung again by the worker's own round. */
export function storeBell(ring: Ring, gatherMs = GATHER_MS): (storeId: string) => void {
  const waiting = new Set<string>()
  return (storeId) => {
    if (waiting.has(storeId)) return
    waiting.add(storeId)
    const timer = setTimeout(() => {
      waiting.delete(storeId)
      // A key of its own: a job that runs may have looked at the store already, and one too many ends at once.
      void ring('update-store', { storeId }, randomUUID())
    }, gatherMs)
    timer.unref()
  }
}
