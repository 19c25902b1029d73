/** What happens around a running gateway: stopped, killed, reloaded, read slowly, its upstream's connections cut. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { stringify } from 'yaml'
import { type Contract, eventsOf, eventually, hello, startContract } from '../contract/support/harness.ts'
import { startFaultProxy } from '../support/fault-proxy.ts'
import { type RunningGateway, startGateway } from '../support/gateway.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

/** Some of these start a gateway twice; on a busy machine each start takes its time. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function ownUpstream(): Promise<Upstream> {
  const upstream = await startUpstream()
  cleanups.push(() => upstream.close())
  return upstream
}

/** A gateway whose data folder outlives it, so that a second one can say what the first one logged. */
async function restartable(upstream: Upstream): Promise<{ start: () => Promise<RunningGateway> }> {
  const home = await mkdtemp(join(tmpdir(), 'aval-faults-'))
  cleanups.push(() => rm(home, { recursive: true, force: true }))
  const config = { upstreams: { up: { dialect: 'openai', base_url: upstream.url } } }
  let keys: Pick<RunningGateway, 'adminKey' | 'appKey'> | undefined
  return {
    start: async () => {
      const gateway = await startGateway({ home, config, env: { OLLAMA_HOST: '127.0.0.1:9' }, ...keys })
      keys = { adminKey: gateway.adminKey, appKey: gateway.appKey }
      cleanups.push(() => gateway.stop())
      return gateway
    },
  }
}

function stream(gateway: RunningGateway, model: string): Promise<Response> {
  return fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${gateway.appKey}` },
    body: JSON.stringify({ model, messages: hello, stream: true }),
  })
}

async function row(gateway: RunningGateway, id: string): Promise<Record<string, unknown>> {
  return await eventually(`The row of ${id}`, async () => {
    const answer = await fetch(`${gateway.url}/api/requests/${id}`, {
      headers: { authorization: `Bearer ${gateway.adminKey}` },
    })
    return answer.ok ? ((await answer.json()) as Record<string, unknown>) : null
  })
}

test('SIGTERM lets a live stream finish, takes nothing new, exits 0, and the row is there after a restart', async () => {
  const upstream = await ownUpstream()
  const { start } = await restartable(upstream)
  const gateway = await start()
  const response = await stream(gateway, 'up/live?tokens=30&chunk_ms=30')
  const reader = response.body!.getReader()
  let text = Buffer.from((await reader.read()).value ?? []).toString()

  process.kill(gateway.pid, 'SIGTERM')
  const refused = await eventually('The closed port', () =>
    fetch(`${gateway.url}/health/live`).then(
      () => null,
      (cause: unknown) => cause,
    ),
  )
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    text += Buffer.from(part.value).toString()
  }
  const outcome = await gateway.exited
  const id = response.headers.get('x-request-id') ?? ''
  const logged = await row(await start(), id)

  expect(refused).toBeInstanceOf(Error)
  expect(eventsOf(text).at(-1)).toBe('[DONE]')
  expect(text).toContain('word29')
  expect(outcome).toBe(0)
  expect(logged).toMatchObject({ outcome: 'completed', status: 200, response_body: text })
})

test('SIGKILL in the middle of a stream leaves a row that says gateway_crash, once', async () => {
  const upstream = await ownUpstream()
  const { start } = await restartable(upstream)
  const gateway = await start()
  const whole = await stream(gateway, 'up/whole?text=already sent')
  const sent = await whole.text()
  const response = await stream(gateway, 'up/killed?text=a b c d e f&stall_after=3')
  await response.body!.getReader().read()

  await gateway.kill9()
  const again = await start()
  const crashed = await row(again, response.headers.get('x-request-id') ?? '')
  const completed = await row(again, whole.headers.get('x-request-id') ?? '')
  const list = (await (
    await fetch(`${again.url}/api/requests`, { headers: { authorization: `Bearer ${again.adminKey}` } })
  ).json()) as { data: { id: string }[] }

  expect(crashed).toMatchObject({
    outcome: 'gateway_crash',
    requested_model: 'up/killed?text=a b c d e f&stall_after=3',
  })
  expect(completed).toMatchObject({ outcome: 'completed', response_body: sent })
  expect(list.data.map((one) => one.id).toSorted()).toEqual([crashed.id, completed.id].toSorted())
})

test('a reader that stops reading stops the upstream, and memory stays bounded', async () => {
  const offered = 60 * 1024 * 1024
  const event = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'x'.repeat(16_000) } }] })}\n\n`
  let written = 0
  const source = createServer((request, response) => {
    request.resume()
    // The list of models is asked for, too; it is not what is measured.
    if (request.method !== 'POST') return void response.writeHead(404).end()
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const pump = () => {
      while (written < offered) {
        written += event.length
        if (!response.write(event)) return void response.once('drain', pump)
      }
      response.end('data: [DONE]\n\n')
    }
    pump()
  })
  await new Promise<void>((resolve) => source.listen(0, '127.0.0.1', resolve))
  cleanups.push(async () => source.closeAllConnections())
  cleanups.push(() => new Promise((resolve) => source.close(resolve)))
  const gateway = await startGateway({
    config: {
      upstreams: {
        source: {
          dialect: 'openai',
          base_url: `http://127.0.0.1:${(source.address() as AddressInfo).port}/v1`,
        },
      },
    },
    env: { OLLAMA_HOST: '127.0.0.1:9' },
  })
  cleanups.push(() => gateway.stop())
  const before = await residentBytes(gateway.pid)

  const body = JSON.stringify({ model: 'source/big', messages: hello, stream: true })
  const socket = connect(gateway.port, '127.0.0.1')
  socket.pause()
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\nauthorization: Bearer ${gateway.appKey}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
  const held = await eventually('An upstream that has come to rest', async () => {
    const seen = written
    await new Promise((resolve) => setTimeout(resolve, 400))
    return seen > 0 && written === seen ? seen : null
  })
  const grown = (await residentBytes(gateway.pid)) - before

  let received = 0
  let tail = ''
  socket.on('data', (part) => {
    received += part.length
    tail = (tail + part.toString('latin1')).slice(-200)
  })
  await new Promise((resolve) => {
    socket.once('close', resolve)
    socket.resume()
  })

  expect(held).toBeLessThan(offered / 2)
  expect(grown).toBeLessThan(80 * 1024 * 1024)
  expect(received).toBeGreaterThan(offered)
  expect(tail).toContain('data: [DONE]')
})

/** Resident memory of a process, from the kernel. */
async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024
}

let contract: Contract

test('connections that the upstream closed while idle, and one that it resets, do not fail a call', async () => {
  const upstream = await ownUpstream()
  const proxy = await startFaultProxy({ port: upstream.port, host: '127.0.0.1' })
  cleanups.push(() => proxy.close())
  contract = await startContract({
    settings: () => ({
      upstreams: { up: { dialect: 'openai', base_url: `http://127.0.0.1:${proxy.port}/v1` } },
    }),
  })
  cleanups.push(() => contract.close())
  const ask = () => contract.post('/v1/chat/completions', { model: 'up/mock', messages: hello })
  await Promise.all(Array.from({ length: 10 }, ask))

  const statuses: number[] = []
  for (const how of ['fin', 'rst', 'fin', 'rst'] as const) {
    proxy.cut(how)
    statuses.push(...(await Promise.all(Array.from({ length: 5 }, ask))).map((answer) => answer.status))
  }
  proxy.set({ refuse: true })
  proxy.cut('rst')
  const down = await ask()
  proxy.set({ refuse: false })
  const back = await eventually('The upstream serving again', async () => {
    const answer = await ask()
    return answer.status === 200 ? answer : null
  })

  expect(new Set(statuses)).toEqual(new Set([200]))
  expect(down.status).toBe(502)
  expect(back.status).toBe(200)
})

test('a reload drops no request, and a wrong file changes nothing', async () => {
  const upstream = await ownUpstream()
  contract = await startContract()
  cleanups.push(() => contract.close())
  const { gateway } = contract
  const file = join(gateway.home, 'aval.yaml')
  const good = (extra: object) =>
    stringify({ upstreams: { up: { dialect: 'openai', base_url: upstream.url }, ...extra } })
  const ask = (model: string) => contract.post('/v1/chat/completions', { model, messages: hello })

  let running = true
  const statuses: number[] = []
  const load = Promise.all(
    Array.from({ length: 8 }, async () => {
      while (running) statuses.push((await ask('up/mock')).status)
    }),
  )
  for (let round = 0; round < 5; round += 1) {
    // Another address each time: the provider behind "up" is replaced under load.
    await writeFile(file, good({ [`extra-${round}`]: { dialect: 'openai', base_url: upstream.url } }))
    process.kill(gateway.pid, 'SIGHUP')
    await eventually(`extra-${round}`, async () =>
      (await ask(`extra-${round}/mock`)).status === 200 ? true : null,
    )
  }
  running = false
  await load
  await writeFile(file, 'upstreams: { up: { dialect: nonsense } }\n')
  process.kill(gateway.pid, 'SIGHUP')
  await eventually('The refusal on the log', () =>
    gateway.stderr().includes('config_refused') ? true : null,
  )
  const after = await ask('extra-4/mock')

  expect(statuses.length).toBeGreaterThan(20)
  expect(new Set(statuses)).toEqual(new Set([200]))
  expect(after.status).toBe(200)
})
