import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { soakHolds, soakKill } from '../../../bench/soak-kill.ts'

const GATEWAY = fileURLToPath(new URL('../../support/fixtures/plain-gateway.ts', import.meta.url))

function soak(log: 'sync' | 'late') {
  return soakKill({
    kills: 3,
    command: [process.execPath, GATEWAY],
    env: { LOG: log },
    concurrency: 4,
    lifeMs: { min: 200, max: 400 },
    // A log that loses rows is waited for in vain; see SETTLE_LIMIT_MS.
    settleLimitMs: 1_000,
  })
}

test('a gateway that writes each row before it answers passes the kill soak', async () => {
  const result = await soak('sync')

  expect(result.acknowledged).toBeGreaterThan(0)
  expect(result).toMatchObject({ kills: 3, lost: 0, duplicates: 0, unresolved: 0, upstreamWithoutRow: 0 })
  expect(soakHolds(result)).toBe(true)
})

test('a gateway that keeps its rows in memory for a while is caught losing them', async () => {
  const result = await soak('late')

  expect(result.lost).toBeGreaterThan(0)
  expect(soakHolds(result)).toBe(false)
})
