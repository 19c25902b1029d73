import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RunningGateway, startGateway } from '../../support/gateway.ts'
import { call, chatBody, childrenOf, isAlive, until } from '../../support/process.ts'
import { startUpstream, type Upstream } from '../../support/upstream.ts'

let upstream: Upstream
let gateway: RunningGateway
beforeAll(async () => {
  upstream = await startUpstream()
  gateway = await startGateway({ env: { OPENAI_API_KEY: 'upstream-key', OPENAI_BASE_URL: upstream.url } })
})
afterAll(async () => {
  await gateway.stop()
  await upstream.close()
})

const child = (part: string) => childrenOf(gateway.pid, part)[0]
const ask = (question: string) =>
  call(`${gateway.url}/v1/chat/completions`, gateway.appKey, { body: chatBody('openai/mock', question) })

test('with its database killed the server answers on, and the rows arrive when it is back', async () => {
  const database = await until('the database', () => child('embedded-child'))
  const ids: string[] = []

  process.kill(database, 'SIGKILL')
  for (let turn = 0; turn < 100; turn += 1) {
    const answer = await ask(`during ${turn}`)
    expect(answer.status).toBe(200)
    ids.push(answer.headers.get('x-request-id') ?? '')
  }

  await until('another database', () => (child('embedded-child') ?? database) !== database)
  const seen = await until('every row', async () => {
    const { json } = await call(`${gateway.url}/api/requests?limit=200`, gateway.adminKey)
    const rows = (json.data ?? []) as { id: string }[]
    return ids.every((id) => rows.some((row) => row.id === id)) && rows
  })
  expect(seen.filter(({ id }) => ids.includes(id))).toHaveLength(100)
  expect(await call(`${gateway.url}/health`, null)).toMatchObject({ json: { status: 'ok' } })
})

test('a killed worker is replaced', async () => {
  const worker = await until('the worker', () => child('main.ts work'))
  const startsOfWork = () => gateway.stderr().split('"working"').length
  const before = startsOfWork()

  process.kill(worker, 'SIGKILL')

  await until('another worker', () => (child('main.ts work') ?? worker) !== worker)
  await until('it works', () => startsOfWork() > before)
  expect(gateway.stderr()).toContain('worker_exited')
})

test('a killed server leaves no process behind', async () => {
  const pids = await until('both children', () => {
    const found = childrenOf(gateway.pid)
    return found.length >= 2 && found
  })

  await gateway.kill9()

  await until('every child gone', () => pids.every((pid) => !isAlive(pid)))
  expect(pids.filter(isAlive)).toEqual([])
})
