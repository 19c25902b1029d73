import { request } from 'undici'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts'
import { startUpstream, type Upstream } from '../../support/upstream.ts'

let upstream: Upstream
let proxy: FaultProxy

beforeEach(async () => {
  upstream = await startUpstream()
  proxy = await startFaultProxy({ host: '127.0.0.1', port: upstream.port })
})
afterEach(async () => {
  await proxy.close()
  await upstream.close()
})

async function ask(model = 'mock'): Promise<string> {
  const response = await request(`http://127.0.0.1:${proxy.port}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }] }),
    reset: true,
    signal: AbortSignal.timeout(2_000),
  })
  return response.body.text()
}

test('a healthy proxy passes everything, and so does one that trickles and delays', async () => {
  const plain = await ask()
  proxy.set({ trickleBytes: 3, delayMs: 5 })
  const trickled = await ask()

  expect(JSON.parse(plain).choices[0].message.content).toBe('echo: hi')
  expect(JSON.parse(trickled).choices[0].message.content).toBe('echo: hi')
})

test('a swallowed answer leaves the request done at the server and unknown to the client', async () => {
  proxy.set({ swallow: 'server' })

  await expect(ask()).rejects.toThrow()

  expect(upstream.journal.length).toBe(1)
})

test('refused and cut connections fail at the client', async () => {
  const hanging = ask('mock?hang=true')
  await upstream.when((entry) => entry.receivedAt !== undefined)
  proxy.cut('rst')
  await expect(hanging).rejects.toThrow()

  proxy.set({ refuse: true })
  await expect(ask()).rejects.toThrow()
})

test('a corrupted answer differs from the true one', async () => {
  const truth = await ask('mock?id=reused')
  proxy.set({ corrupt: true })

  const answer = await ask('mock?id=reused').catch((cause: Error) => cause.message)

  expect(answer).not.toBe(truth.replaceAll('up1', 'up2'))
})
