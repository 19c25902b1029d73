/** `x-aval-replay-of`: who may send it, what is refused, that no upstream sees it, and where it stands on the log. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newId } from '../../src/lib/ids.ts'
import { type Contract, eventually, hello, startContract } from './support/harness.ts'

const PATH = '/v1/chat/completions'
const HEADER = 'x-aval-replay-of'
let contract: Contract

beforeAll(async () => {
  contract = await startContract()
})
afterAll(() => contract?.close())

const chat = (more: object = {}) => ({ model: 'up/mock', messages: hello, ...more })
const admin = () => ({ key: contract.gateway.adminKey })

async function keyWith(...roles: string[]): Promise<string> {
  const made = await fetch(`${contract.gateway.url}/api/keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${contract.gateway.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: roles.join(' '), roles }),
  })
  const { token } = (await made.json()) as { token: string }
  await eventually('The key in force', async () => {
    const known = await fetch(`${contract.gateway.url}/v1/models`, {
      headers: { authorization: `Bearer ${token}` },
    })
    return known.ok ? known : null
  })
  return token
}

async function listed(query: string): Promise<{ status: number; data: { id: string; replay_of: string }[] }> {
  const answer = await fetch(`${contract.gateway.url}/api/requests?${query}`, {
    headers: { authorization: `Bearer ${contract.gateway.adminKey}` },
  })
  return { status: answer.status, ...((await answer.json()) as object) } as never
}

test('a replay names its request on the log, is found by it, and no other row has one', async () => {
  const first = await contract.post(PATH, chat())
  const id = first.headers.get('x-request-id') ?? ''

  const again = await contract.post(PATH, chat(), { ...admin(), headers: { [HEADER]: id } })
  const row = await contract.row(again.mark)

  expect(again.status).toBe(200)
  expect(row).toMatchObject({ replay_of: id, outcome: 'completed' })
  expect(await contract.row(first.mark)).toMatchObject({ replay_of: null })
  expect((await listed(`replay_of=${id}`)).data).toMatchObject([{ id: row.id, replay_of: id }])
})

test('a streamed replay, and one that is refused later, name theirs too', async () => {
  const id = newId('req', Date.now())
  const headers = { [HEADER]: id }

  const streamed = await contract.post(PATH, chat({ stream: true }), { ...admin(), headers })
  const refused = await contract.post(PATH, chat({ model: 'no-such-route' }), { ...admin(), headers })

  expect([streamed.status, refused.status]).toEqual([200, 404])
  expect(await contract.row(streamed.mark)).toMatchObject({ replay_of: id, stream: true })
  expect(await contract.row(refused.mark)).toMatchObject({ replay_of: id, outcome: 'rejected' })
})

test('no upstream sees the header', async () => {
  await contract.post(PATH, chat({ model: 'up/replay-out' }), {
    ...admin(),
    headers: { [HEADER]: newId('req', Date.now()) },
  })

  const [seen] = contract.upstream.calls('replay-out')
  expect(seen?.headers.authorization).toBeDefined()
  expect(seen?.headers).not.toHaveProperty(HEADER)
})

test('an engineer may send it', async () => {
  const id = newId('req', Date.now())
  const key = await keyWith('engineer')

  const answer = await contract.post(PATH, chat(), { key, headers: { [HEADER]: id } })

  expect(answer.status).toBe(200)
  expect(await contract.row(answer.mark)).toMatchObject({ replay_of: id })
})

test('an app may not: 403, nothing goes upstream, and its row claims no pair', async () => {
  const answer = await contract.post(PATH, chat({ model: 'up/replay-of-an-app' }), {
    headers: { [HEADER]: newId('req', Date.now()) },
  })

  expect(answer.status).toBe(403)
  expect(answer.json.error).toMatchObject({ code: 'permission_denied', param: HEADER })
  expect(answer.json.error.message).toContain('Leave the header out.')
  expect(contract.upstream.calls('replay-of-an-app')).toEqual([])
  expect(await contract.row(answer.mark)).toMatchObject({ outcome: 'rejected', replay_of: null })
})

test.each([
  ['a word', 'last'],
  ['another kind of id', newId('vk', Date.now())],
  ['an id that is too long', `${newId('req', Date.now())}0`],
  ['nothing', ''],
  ['two ids', `${newId('req', 1)}, ${newId('req', 2)}`],
])('%s is a 400 that shows it', async (_what, given) => {
  const answer = await contract.post(PATH, chat(), { ...admin(), headers: { [HEADER]: given } })

  expect(answer.status).toBe(400)
  expect(answer.json.error).toMatchObject({ code: 'invalid_value', param: HEADER })
  expect(answer.json.error.message).toContain(JSON.stringify(given))
})

test('a filter that is no request id is a 400 that names it', async () => {
  const { status, ...answer } = await listed('replay_of=last')

  expect({ status, ...answer }).toMatchObject({ status: 400, error: { param: 'replay_of' } })
})
