import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Config } from '../../src/config.ts'
import { ConfigError } from '../../src/errors.ts'
import { openWorkerGateway } from '../../src/worker-gateway.ts'

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'aval-worker-'))
})
afterEach(() => rmSync(home, { recursive: true }))

test('a worker without the gateways’ keys makes none up: it says which it needs, and writes nothing', async () => {
  const config = { home, bring: { auditKey: null, signingKey: null } } as Config
  const gateway = openWorkerGateway(config, {} as Parameters<typeof openWorkerGateway>[1])

  const asked = gateway.ask()

  await expect(asked).rejects.toThrow(ConfigError)
  await expect(asked).rejects.toThrow(/no AVAL_AUDIT_KEY and no AVAL_SIGNING_KEY/)
  expect(readdirSync(home)).toEqual([])
  await gateway.close()
})
