import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Config } from '../../src/config.ts'
import { lockFolder } from '../../src/db/lock.ts'
import { ConfigError } from '../../src/errors.ts'
import { loadAuditKey, loadSigningKey } from '../../src/home.ts'
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

test('what could not be opened for one run is tried again for the next, and nothing of it is left held', async () => {
  const bring = { auditKey: null, signingKey: null, previousSigningKey: null }
  const config = { home, bring, audit: {} } as unknown as Config
  const nothing = {} as Parameters<typeof openWorkerGateway>[1]
  const gateway = openWorkerGateway(config, { ...nothing, stop: new AbortController() })
  await expect(gateway.ask()).rejects.toThrow(/AVAL_AUDIT_KEY/)
  loadAuditKey(home, null)
  loadSigningKey(home, null)

  // Without a database the log is as far as it gets, with its folder locked.
  await expect(gateway.ask()).rejects.not.toThrow(/AVAL_AUDIT_KEY/)

  const lock = await lockFolder(join(home, 'work', '1'))
  await lock.release()
  await gateway.close()
})
