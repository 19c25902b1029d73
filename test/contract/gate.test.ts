/** What apps get of a route whose production has a policy, whatever is tried to get round it. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { callAdmin } from './support/admin.ts'
import { type Contract, eventually, startContract } from './support/harness.ts'

const CHAT = '/v1/chat/completions'
const APPROVED = 'approved-1'
const UNAPPROVED = 'stranger-1'

let contract: Contract
const keys = new Map<string, { id: string; token: string }>()

const admin = (method: string, path: string, body?: object) => callAdmin(contract.gateway, method, path, body)

async function as(name: string, method: string, path: string, body: object, confirm = name) {
  const answer = await fetch(`${contract.gateway.url}/api${path}`, {
    method,
    headers: {
      authorization: `Bearer ${keys.get(name)?.token}`,
      'x-aval-confirm-key': keys.get(confirm)?.token ?? '',
      'content-type': 'application/json',
    },
    body: JSON.stringify(body),
  })
  const json = (await answer.json()) as { id?: string; evidence_hash?: string; error?: { code: string } }
  return { status: answer.status, json }
}

const ask = async (model: string) =>
  await contract.post(CHAT, { model, messages: [{ role: 'user', content: 'Hello' }] })

beforeAll(async () => {
  contract = await startContract({
    settings: (up) => ({
      upstreams: { up },
      policies: { careful: { approvals: { count: 1 } } },
      routes: { answer: { labels: { production: { policy: 'careful' } } } },
    }),
  })
  for (const [name, owner, role] of [
    ['anna', 'anna', 'engineer'],
    ['anna-too', 'anna', 'approver'],
    ['ben', 'ben', 'approver'],
    ['carla', 'carla', 'engineer'],
  ]) {
    const made = await admin('POST', '/keys', { name, owner, roles: [role] })
    keys.set(name ?? '', made as { id: string; token: string })
  }
  // The gateway hears of keys by NOTIFY.
  for (const name of keys.keys()) {
    await eventually(`the key of ${name}`, async () =>
      (await as(name, 'POST', '/promotions', {})).status === 401 ? null : true,
    )
  }
  for (const model of [APPROVED, UNAPPROVED]) {
    const name = model.replace('-1', '')
    await as('anna', 'POST', '/model-versions', { name, upstream: 'up', model })
    await as('anna', 'POST', '/releases', { route: 'answer', models: [{ model: name }] })
  }
  const { json } = await as('carla', 'POST', '/promotions', {
    route: 'answer',
    release: 'r1',
    reason: 'first',
  })
  const signed = { evidence_hash: json.evidence_hash, reason: 'first' }
  const approved = await as('ben', 'POST', `/promotions/${json.id}/approve`, signed)
  expect(approved).toMatchObject({ status: 200, json: { state: 'promoted' } })
})
afterAll(() => contract?.close())

test('no app is served by a release that nobody approved', async () => {
  expect((await ask('answer')).status).toBe(200)
  const refused: number[] = []
  const tried = async (attempt: Promise<{ status: number }>) => void refused.push((await attempt).status)
  const order = { route: 'answer', release: 'r2', reason: 'round it' }

  // By the name of the release, or a label that anybody may set.
  await admin('PUT', '/labels/answer/staging', { release: 'r2', reason: 'to try' })
  await tried(ask('answer@r2'))
  await tried(ask('answer@staging'))
  // By setting the label, alone or as a canary.
  const setting = [
    { release: 'r2', reason: 'x' },
    { release: 'r1', canary: { release: 'r2', percent: 99 }, reason: 'x' },
  ]
  for (const body of setting)
    await expect(admin('PUT', '/labels/answer/production', body)).rejects.toThrow(/refused_by_policy/)
  await tried(as('anna', 'POST', '/rollbacks', order))
  // By approving one's own, with a second key, with somebody else's role, without the key once more.
  const { json: asked } = await as('anna', 'POST', '/promotions', order)
  const signed = { evidence_hash: asked.evidence_hash, reason: 'x' }
  for (const name of ['anna', 'anna-too', 'carla'])
    await tried(as(name, 'POST', `/promotions/${asked.id}/approve`, signed))
  await tried(as('ben', 'POST', `/promotions/${asked.id}/approve`, signed, 'anna-too'))
  await tried(
    as('ben', 'POST', `/promotions/${asked.id}/approve`, { ...signed, evidence_hash: '0'.repeat(64) }),
  )
  // By breaking the glass without being an admin, and by a second promotion beside the first.
  await tried(as('anna', 'POST', '/promotions', { ...order, break_glass: true }))
  await tried(as('carla', 'POST', '/promotions', order))

  expect(refused.every((status) => [403, 404, 409].includes(status))).toBe(true)
  expect(refused).toHaveLength(10)
  const answers = await Promise.all(Array.from({ length: 50 }, () => ask('answer')))
  expect(new Set(answers.map(({ status, headers }) => `${status} ${headers.get('x-aval-release')}`))).toEqual(
    new Set(['200 answer@r1']),
  )
  const reached = contract.upstream.journal.map(({ body }) => body.toString())
  expect(reached.filter((body) => body.includes(UNAPPROVED))).toEqual([])
  expect(reached.filter((body) => body.includes(APPROVED)).length).toBeGreaterThan(50)
})

test('and once somebody else has approved it, all are', async () => {
  const live = (await admin('GET', '/promotions?live=true')) as {
    data: { id: string; evidence_hash: string }[]
  }
  const [{ id, evidence_hash }] = live.data as [{ id: string; evidence_hash: string }]

  const approved = await as('ben', 'POST', `/promotions/${id}/approve`, { evidence_hash, reason: 'seen' })

  expect(approved).toMatchObject({ status: 200, json: { state: 'promoted' } })
  expect((await ask('answer')).headers.get('x-aval-release')).toBe('answer@r2')
})
