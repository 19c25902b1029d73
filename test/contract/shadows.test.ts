/** Shadows as apps must never notice them: what the candidate gets, what the app gets, and what stands on the log. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callAdmin } from './support/admin.ts'
import { type Contract, eventually, hello, startContract } from './support/harness.ts'

const CHAT = '/v1/chat/completions'
const FIXED = JSON.stringify({
  id: 'chatcmpl-fixed',
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Yes.' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
})
const PROMPT = `
messages:
  - role: system
    content: Answer as the candidate does.
  - "{{messages}}"
`
/** Of one process, as docs/shadow.md says. */
const IN_FLIGHT = 8
const WAITING = 64

type Shadow = { id: string; state: string; release: string; budget_usd: string }
type Detail = Shadow & {
  sent: number
  dropped: number
  skipped: number
  outcomes: Record<string, number>
  spent_usd: string
  latency: { pairs: number; app: object | null; shadow: object | null }
}
type Row = { id: string; shadow_of: string | null; outcome: string; client_request_id: string | null }

let contract: Contract

const admin = (method: string, path: string, body?: object) => callAdmin(contract.gateway, method, path, body)
const detailOf = (id: string) => admin('GET', `/shadows/${id}`) as Promise<Detail>
const stop = (id: string) => admin('POST', `/shadows/${id}/stop`, { reason: 'seen enough' })

async function price(upstream: string, model: string, perRequest?: string): Promise<void> {
  await admin('POST', '/prices', {
    upstream,
    model,
    input: '1',
    output: '2',
    ...(perRequest !== undefined && { per_request: perRequest }),
    source: 'a contract',
    valid_from: '2020-01-01T00:00:00Z',
  })
}

/** A route whose r1 serves production with the model `app`, and whose r2 is the candidate. */
async function routeWith(route: string, candidate: { upstream: string; model: string }): Promise<void> {
  await admin('POST', '/model-versions', { name: `${route}-new`, ...candidate })
  await admin('POST', '/releases', { route, models: [{ model: 'app@1' }] })
  await admin('POST', '/releases', {
    route,
    prompt: 'new@1',
    models: [{ model: `${route}-new@1` }],
    parameters: { max_tokens: 5 },
  })
  await admin('PUT', `/labels/${route}/production`, { release: 'r1', reason: 'first' })
}

async function start(route: string, more: object = {}): Promise<Shadow> {
  const body = { route, release: 'r2', percent: 100, budget_usd: '1', reason: 'a test', ...more }
  return (await admin('POST', '/shadows', body)) as Shadow
}

const ask = (route: string, more: object = {}) =>
  contract.post(CHAT, { model: route, messages: hello, ...more })

async function rowsOf(query: string): Promise<Row[]> {
  return ((await admin('GET', `/requests?${query}`)) as { data: Row[] }).data
}

/** The rows that mirror a request, as soon as there is one. */
const mirrorsOf = (id: string) =>
  eventually(`A mirrored call of ${id}`, async () => {
    const rows = await rowsOf(`shadow_of=${id}`)
    return rows.length === 0 ? null : rows
  })

beforeAll(async () => {
  contract = await startContract({
    settings: (up) => ({
      upstreams: {
        up,
        slow: { ...up, timeouts: { first_byte: '1500ms' } },
        gone: { ...up, base_url: 'http://127.0.0.1:9/v1' },
      },
    }),
  })
  contract.upstream.on('app-1', { body: FIXED })
  await admin('POST', '/prompts', { name: 'new', content: PROMPT })
  await admin('POST', '/model-versions', { name: 'app', upstream: 'up', model: 'app-1' })
  await price('up', 'app-1')
  await routeWith('unpriced', { upstream: 'up', model: 'unpriced-new' })
})
afterAll(() => contract?.close())

describe('a shadow', () => {
  test('sends each request once to the candidate, and the app gets the same bytes as without it', async () => {
    await routeWith('plain', { upstream: 'up', model: 'plain-new' })
    await price('up', 'plain-new')
    const without = await ask('plain')
    const { id } = await start('plain')
    const withIt = await ask('plain')
    const mirrored = await mirrorsOf(withIt.headers.get('x-request-id') ?? '')
    const [call] = contract.upstream.calls('plain-new')

    expect(withIt.bytes).toEqual(without.bytes)
    const names = (headers: Headers) => [...headers.keys()].toSorted()
    expect(names(withIt.headers)).toEqual(names(without.headers))
    expect(withIt.headers.get('x-aval-release')).toBe('plain@r1')
    expect(contract.upstream.calls('plain-new')).toHaveLength(1)
    expect(call?.json).toEqual({
      model: 'plain-new',
      messages: [{ role: 'system', content: 'Answer as the candidate does.' }, ...hello],
      max_tokens: 5,
    })
    expect(mirrored).toMatchObject([{ outcome: 'completed', client_request_id: id, route: 'plain' }])
    expect(await contract.row(withIt.mark)).toMatchObject({ shadow_of: null })
    expect(await detailOf(id)).toMatchObject({
      sent: 1,
      outcomes: { completed: 1 },
      latency: { pairs: 1, app: {}, shadow: {} },
    })
  })

  test('mirrors a stream whole, and lists show its calls with the others, alone, or not at all', async () => {
    await routeWith('streamed', { upstream: 'up', model: 'streamed-new' })
    await price('up', 'streamed-new')
    await start('streamed')
    contract.upstream.on('app-1', { text: 'one two' })
    const answer = await ask('streamed', { stream: true, stream_options: { include_usage: true } })
    contract.upstream.on('app-1', { body: FIXED })
    const [mirrored] = await mirrorsOf(answer.headers.get('x-request-id') ?? '')

    expect(answer.text.trimEnd().endsWith('data: [DONE]')).toBe(true)
    expect(contract.upstream.calls('streamed-new')[0]?.json).not.toHaveProperty('stream')
    const ids = async (query: string) => (await rowsOf(`route=streamed${query}`)).map(({ id }) => id)
    const own = answer.headers.get('x-request-id')
    expect(await ids('')).toEqual([mirrored?.id, own])
    expect(await ids('&shadow=true')).toEqual([mirrored?.id])
    expect(await ids('&shadow=false')).toEqual([own])
    const rebuilt = await admin('GET', `/requests/${mirrored?.id}/rebuild`)
    expect(rebuilt).toMatchObject({ state: 'equal' })
  })

  test('whose candidate is out of reach leaves the app its answer, and says so on the log alone', async () => {
    await routeWith('dead', { upstream: 'gone', model: 'dead-new' })
    await price('gone', 'dead-new')
    const { id } = await start('dead')
    const answer = await ask('dead')
    const mirrored = await mirrorsOf(answer.headers.get('x-request-id') ?? '')

    expect([answer.status, answer.text]).toEqual([200, FIXED])
    expect(mirrored).toMatchObject([{ outcome: 'upstream_error' }])
    expect(await detailOf(id)).toMatchObject({ outcomes: { upstream_error: 1 }, spent_usd: '0' })
  })

  test('whose candidate never answers holds eight calls and a short queue, and no app', async () => {
    await routeWith('slow', { upstream: 'slow', model: 'slow-new' })
    await price('slow', 'slow-new')
    contract.upstream.on('slow-new', { hang: true })
    const { id } = await start('slow')
    const apps = IN_FLIGHT + WAITING + 3
    const answers = await Promise.all(Array.from({ length: apps }, () => ask('slow')))
    await stop(id)
    const after = await ask('slow')
    const ended = await eventually('The end of what was under way', async () => {
      const detail = await detailOf(id)
      return detail.sent + detail.dropped === apps ? detail : null
    })

    expect(new Set([...answers, after].map(({ text }) => text))).toEqual(new Set([FIXED]))
    expect(contract.upstream.calls('slow-new')).toHaveLength(IN_FLIGHT)
    expect(ended).toMatchObject({
      state: 'stopped',
      sent: IN_FLIGHT,
      outcomes: { timeout: IN_FLIGHT },
      dropped: WAITING + 3,
    })
  })

  test('that was stopped mirrors nothing more', async () => {
    await routeWith('stopped', { upstream: 'up', model: 'stopped-new' })
    await price('up', 'stopped-new')
    const { id } = await start('stopped')
    const before = await ask('stopped')
    await mirrorsOf(before.headers.get('x-request-id') ?? '')
    await stop(id)
    const after = await ask('stopped')
    await contract.row(after.mark)

    expect(contract.upstream.calls('stopped-new')).toHaveLength(1)
    await expect(stop(id)).rejects.toThrow(/is stopped already/)
  })

  test('ends as spent before it costs more than its budget', async () => {
    await routeWith('costly', { upstream: 'up', model: 'costly-new' })
    // $0.0004 a call, so that the fifth has no room in $0.002.
    await price('up', 'costly-new', '0.0004')
    const { id } = await start('costly', { budget_usd: '0.002' })
    for (let sent = 0; sent < 8; sent += 1) {
      const answer = await ask('costly')
      if (sent < 2) await mirrorsOf(answer.headers.get('x-request-id') ?? '')
    }
    const spent = await eventually('The end of the budget', async () => {
      const detail = await detailOf(id)
      // Rows of calls that were under way when it ended arrive after it.
      return detail.state === 'spent' && Number(detail.spent_usd) > 0.0011 ? detail : null
    })

    expect(contract.upstream.calls('costly-new').length).toBeLessThanOrEqual(4)
    expect(Number(spent.spent_usd)).toBeLessThanOrEqual(0.002)
  })

  test('skips what could leave something at the upstream', async () => {
    await routeWith('stores', { upstream: 'up', model: 'stores-new' })
    await price('up', 'stores-new')
    const { id } = await start('stores')
    await ask('stores', { store: true })
    const plain = await ask('stores')
    await mirrorsOf(plain.headers.get('x-request-id') ?? '')
    await stop(id)

    expect(contract.upstream.calls('stores-new')).toHaveLength(1)
    expect(await detailOf(id)).toMatchObject({ sent: 1, skipped: 1 })
  })

  test.each([
    ['of an unknown price', {}, /up\/unpriced-new costs/],
    ['of what the label serves', { release: 'r1' }, /serves r1 already/],
    ['of a label that is not there', { label: 'staging' }, /no label .+staging.+ no traffic to mirror/],
    ['of a release that is not there', { release: 'r9' }, /no release r9/],
  ] as const)('%s is refused', async (_what, more, message) => {
    await expect(start('unpriced', more)).rejects.toThrow(message)
  })

  test('of an unknown price runs when that is allowed, and is one of its route alone', async () => {
    const { id } = await start('unpriced', { allow_unpriced: true })

    await expect(start('unpriced', { allow_unpriced: true })).rejects.toThrow(id)
  })
})
