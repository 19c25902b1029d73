/** What operators' tools read of a running gateway: a scrape, health, and nothing at all where a collector is not asked for. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../support/child.ts'
import { type Contract, eventually, hello, startContract } from './support/harness.ts'

const AUDITOR = 'auditor-secret-0123456789-0123456789'
const ELSEWHERE = 'elsewhere-secret-0123456789-012345678'
const CHAT = '/v1/chat/completions'
const REPORTER = fileURLToPath(new URL('../support/fixtures/report-packages.mjs', import.meta.url))
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

let contract: Contract
let ofGateway: string
let ofWorker: string

beforeAll(async () => {
  // At once, so that they differ.
  const [gatewayPort, workerPort] = await Promise.all([freePort(), freePort()])
  ofGateway = `http://127.0.0.1:${gatewayPort}/metrics`
  ofWorker = `http://127.0.0.1:${workerPort}/metrics`
  contract = await startContract({
    settings: (up) => ({
      upstreams: { up },
      routes: { answers: { targets: ['up/mock'] } },
      server: { metrics: `127.0.0.1:${gatewayPort}` },
      worker: { metrics: `127.0.0.1:${workerPort}` },
      keys: [
        { name: 'auditor', secret: 'env:CONTRACT_AUDITOR', roles: ['auditor'] },
        { name: 'elsewhere', secret: 'env:CONTRACT_ELSEWHERE', roles: ['admin'], project: 'other' },
      ],
    }),
    env: {
      CONTRACT_AUDITOR: AUDITOR,
      CONTRACT_ELSEWHERE: ELSEWHERE,
      NODE_OPTIONS: `--import=${REPORTER}`,
    },
  })
})
afterAll(() => contract?.close())

async function scrape(key: string | null = AUDITOR): Promise<{ status: number; text: string }> {
  const headers: Record<string, string> = key === null ? {} : { authorization: `Bearer ${key}` }
  const answer = await fetch(`${contract.gateway.url}/metrics`, { headers })
  return { status: answer.status, text: await answer.text() }
}

/** It starts after the gateway and takes longer. */
function scrapeWorker(): Promise<string> {
  return eventually('the worker’s metrics', async () => {
    const answer = await fetch(ofWorker).catch(() => null)
    return answer?.ok === true ? await answer.text() : null
  })
}

function figure(text: string, name: string, ...labels: string[]): number | null {
  const line = text
    .split('\n')
    .find(
      (one) =>
        (one.startsWith(`${name}{`) || one.startsWith(`${name} `)) &&
        labels.every((label) => one.includes(label)),
    )
  return line === undefined ? null : Number(line.slice(line.lastIndexOf(' ') + 1))
}

const DASHBOARD = readFileSync(new URL('../../docs/grafana/aval.json', import.meta.url), 'utf8')
const RULES = readFileSync(new URL('../../docs/grafana/alerts.yml', import.meta.url), 'utf8')

describe('a scrape', () => {
  test('counts what was asked, refused and sent, under names that nobody makes up', async () => {
    await contract.post(CHAT, { model: 'answers', messages: hello })
    await contract.post(CHAT, { model: 'answers', messages: hello, stream: true })
    await contract.post(CHAT, { model: 'made-up-route', messages: hello })
    await contract.post(CHAT, { model: 'up/made-up-model', messages: hello })
    const { text } = await scrape()

    expect(figure(text, 'aval_requests_total', 'route="answers"', 'outcome="completed"')).toBe(2)
    expect(figure(text, 'aval_requests_total', 'route="none"', 'outcome="rejected"')).toBeGreaterThanOrEqual(
      1,
    )
    expect(figure(text, 'aval_errors_total', 'code="model_not_found"')).toBeGreaterThanOrEqual(1)
    expect(figure(text, 'aval_upstream_attempts_total', 'upstream="up"', 'model="mock"', 'result="ok"')).toBe(
      2,
    )
    expect(figure(text, 'aval_time_to_first_token_seconds_count', 'model="mock"')).toBe(1)
    expect(figure(text, 'aval_request_duration_seconds_count', 'route="answers"')).toBe(2)
    expect(figure(text, 'aval_spool_bytes')).toBeGreaterThan(0)
    expect(figure(text, 'aval_health_status', 'part="database"')).toBe(0)
    expect(text).not.toMatch(/made-up|req_|vk_/)
  })

  test('tells what is under way, which is nothing once all have ended', async () => {
    const left = await eventually('the end of all requests', async () =>
      figure((await scrape()).text, 'aval_requests_in_flight') === 0 ? true : null,
    )

    expect(left).toBe(true)
  })

  test('is for an auditor or an admin of the first project, who sees all of them', async () => {
    expect((await scrape(contract.gateway.adminKey)).status).toBe(200)
    expect((await scrape(contract.gateway.appKey)).status).toBe(403)
    expect((await scrape(ELSEWHERE)).status).toBe(403)
    expect((await scrape(null)).status).toBe(401)
    expect((await scrape('wrong')).status).toBe(401)
  })

  test('needs no key on an address of its own, where nothing else is', async () => {
    const answer = await fetch(ofGateway)

    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
    expect(await answer.text()).toContain('aval_build_info')
    expect((await fetch(ofGateway.replace('/metrics', '/health'))).status).toBe(404)
    expect((await fetch(ofGateway, { method: 'POST' })).status).toBe(404)
  })
})

describe('without a collector', () => {
  test('no package of OpenTelemetry is read but the interface that the metrics bring along', () => {
    const read = contract.gateway.stderr().match(/read-package \S+/g) ?? []

    expect([...new Set(read)].toSorted()).toEqual([
      'read-package @opentelemetry/api',
      'read-package prom-client',
    ])
  })

  test('the command line reads neither', async () => {
    const node = { env: { ...process.env, NODE_OPTIONS: `--import=${REPORTER}`, NODE_COMPILE_CACHE: '' } }
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [MAIN, '--help'], node)

    expect(stdout).toContain('Usage')
    expect(stderr).not.toContain('read-package')
  })
})

describe('health', () => {
  test('says how each part stands, the worker and its queue among them, once one lives', async () => {
    await scrapeWorker()
    const health = await eventually('a sign of a worker', async () => {
      const answer = await fetch(`${contract.gateway.url}/readyz`)
      const json = (await answer.json()) as { status: string; checks: { name: string; status: string }[] }
      return json.checks.some(({ name }) => name === 'queue') ? { status: answer.status, json } : null
    })

    expect(health.status).toBe(200)
    expect(health.json.checks.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'database ok',
      'audit ok',
      'keys ok',
      'releases ok',
      'config ok',
      'worker ok',
      'queue ok',
      'models ok',
    ])
    expect(health.json.status).toBe('ok')
    expect(await (await fetch(`${contract.gateway.url}/healthz`)).json()).toEqual({ status: 'ok' })
  })
})

describe('a scrape of gateway and worker', () => {
  test('has every metric that the dashboard and the example rules ask for', async () => {
    const worker = await scrapeWorker()
    const defined = new Set(
      [...`${(await scrape()).text}\n${worker}`.matchAll(/^# TYPE (\S+) (\w+)$/gm)].flatMap(
        ([, name = '', type]) =>
          type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
      ),
    )
    const asked = `${DASHBOARD}\n${RULES}`.match(/\b(?:aval|nodejs|process)_[a-z0-9_]+/g) ?? []

    expect(asked.length).toBeGreaterThan(30)
    expect([...new Set(asked)].filter((name) => !defined.has(name))).toEqual([])
  })
})
