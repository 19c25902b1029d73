/** An erasure as two people do it, against a gateway started as a user starts it. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RunningGateway, startGateway } from '../support/gateway.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

let upstream: Upstream
let gateway: RunningGateway

beforeAll(async () => {
  upstream = await startUpstream()
  gateway = await startGateway({
    config: { upstreams: { up: { dialect: 'openai', base_url: upstream.url } } },
    env: { OLLAMA_HOST: '127.0.0.1:9' },
  })
})
afterAll(async () => {
  await gateway?.stop()
  await upstream?.close()
})

/** `Answer` is what the caller reads of the JSON; what a call answers when it fails is told by its status. */
async function call<Answer>(key: string, method: string, path: string, body?: object) {
  const answer = await fetch(gateway.url + path, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return {
    status: answer.status,
    id: answer.headers.get('x-request-id'),
    json: (await answer.json()) as Answer,
  }
}

async function say(content: string): Promise<string> {
  const { id } = await call(gateway.appKey, 'POST', '/v1/chat/completions', {
    model: 'up/mock',
    messages: [{ role: 'user', content }],
    user: 'alice',
  })
  return id ?? ''
}

type Shown = { body_state: string }

/** The request once its row has arrived and looks as `accepts` wants; fails after 15 s. */
async function shown(id: string, accepts: (row: Shown) => boolean) {
  const startedMs = performance.now()
  for (;;) {
    const { status, json } = await call<Shown>(gateway.adminKey, 'GET', `/api/requests/${id}`)
    if (status === 200 && accepts(json)) return json
    if (performance.now() - startedMs > 15_000) throw new Error(`${id} is ${JSON.stringify(json)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

test('one person asks, another approves: the bodies are gone, the log still says all of it, and the user goes on', async () => {
  const early = await say('my address is Canal Street 4')
  expect(await shown(early, ({ body_state }) => body_state === 'kept')).toMatchObject({
    request_body: expect.stringContaining('Canal Street 4'),
  })
  const bob = await call<{ token: string }>(gateway.adminKey, 'POST', '/api/keys', {
    name: 'bob',
    owner: 'bob',
    roles: ['approver'],
  })

  const asked = await call<{ id: string }>(gateway.adminKey, 'POST', '/api/erasures', {
    subject: 'alice',
    reason: 'Art. 17',
  })
  const own = await call(gateway.adminKey, 'POST', `/api/erasures/${asked.json.id}/approve`)
  let done = await call(bob.json.token, 'POST', `/api/erasures/${asked.json.id}/approve`)
  // A key made a moment ago is known within a second.
  while (done.status === 401) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    done = await call(bob.json.token, 'POST', `/api/erasures/${asked.json.id}/approve`)
  }

  expect(own.status).toBe(403)
  expect(done).toMatchObject({ status: 200, json: { state: 'executed', rows_erased: 1 } })
  const erased = await shown(early, ({ body_state }) => body_state === 'erased')
  expect(erased).toMatchObject({ request_body: null, response_body: null, outcome: 'completed' })
  const later = await say('hello again')
  expect(await shown(later, () => true)).toMatchObject({
    body_state: 'kept',
    request_body: expect.stringContaining('hello again'),
  })
  const events = await call<{ data: { action: string }[] }>(
    gateway.adminKey,
    'GET',
    '/api/events?subject=alice&limit=200',
  )
  expect(events.json.data.map(({ action }) => action)).toEqual(
    expect.arrayContaining(['erasure.request', 'subject.erase', 'subject.erased']),
  )
  const reads = await call<{ data: unknown[] }>(gateway.adminKey, 'GET', `/api/events?target=${early}`)
  expect(reads.json.data[0]).toMatchObject({ kind: 'access', action: 'requests.show' })
})
