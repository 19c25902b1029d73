import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadConfig } from '../../src/config.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { openWorkerModels, type WorkerModels } from '../../src/worker-models.ts'

let folder: string
let environment: Record<string, string>
let worker: WorkerModels
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aval-worker-models-'))
  // Port 9 is nobody's: nothing here calls.
  environment = {
    OPENAI_API_KEY: 'sk-test',
    OPENAI_BASE_URL: 'http://127.0.0.1:9/v1',
    OLLAMA_HOST: '127.0.0.1:9',
  }
  const readConfig = () => loadConfig(environment, folder)
  const logger = pino({ level: 'silent' })
  worker = openWorkerModels(readConfig(), { readConfig, nowMs: systemClock.nowMs, logger })
})
afterEach(async () => {
  await worker.close()
  rmSync(folder, { recursive: true })
})

test('a file that changes while a run is under way reaches the run and whoever holds a model, and retires nothing they ask', async () => {
  const runtime = await worker.runtime()
  const before = (await worker.models()).embedderOf('openai', 'text-embedding-3-small')
  const [oldUpstream, oldProvider] = [runtime.snapshot().upstreams.get('openai'), before?.provider]
  environment.OPENAI_BASE_URL = 'http://127.0.0.1:9/v2'

  const after = (await worker.models()).embedderOf('openai', 'text-embedding-3-small')

  expect(oldProvider).toBeDefined()
  expect(after?.provider).not.toBe(oldProvider)
  expect(before?.provider).toBe(after?.provider)
  const upstream = runtime.snapshot().upstreams.get('openai')
  expect(upstream?.provider).not.toBe(oldUpstream?.provider)
  expect(upstream?.baseUrl).toBe('http://127.0.0.1:9/v2')
})

test('a file with mistakes is told to a build, and leaves a run the last good one', async () => {
  const runtime = await worker.runtime()
  await worker.models()
  const good = runtime.snapshot().upstreams.get('openai')
  environment.OPENAI_BASE_URL = 'no address'

  await expect(worker.models()).rejects.toThrow(/OPENAI_BASE_URL/)

  expect(runtime.snapshot().upstreams.get('openai')).toBe(good)
})

test('a worker asks no upstream which models it has: nobody lists them there', async () => {
  const asked: (string | undefined)[] = []
  await using server = createServer((request, response) => {
    asked.push(request.url)
    response.end('{"data":[]}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  environment.OPENAI_BASE_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`

  const runtime = await worker.runtime()
  await worker.models()
  // What had been begun by then would have arrived before this call.
  await runtime.snapshot().upstreams.get('openai')?.provider.listModels(AbortSignal.timeout(5_000))

  expect(asked).toEqual(['/v1/models'])
})
