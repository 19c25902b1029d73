/** `aval requests replay` as a person runs it, against a gateway with a scripted upstream. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RunningGateway, startGateway } from '../../support/gateway.ts'
import { runAval, startAval, until } from '../../support/process.ts'
import { startUpstream, type Upstream } from '../../support/upstream.ts'

const SECRET = `sk-proj-${'a1B2c3D4'.repeat(6)}`
const OLD = 'openai/old'
const CHAT = '/v1/chat/completions'
let upstream: Upstream
let gateway: RunningGateway
/** Ids of what can be sent again, in the order it was made. */
let fit: string[]

beforeAll(async () => {
  upstream = await startUpstream()
  gateway = await startGateway({
    env: { OPENAI_API_KEY: 'upstream-key', OPENAI_BASE_URL: upstream.url },
    config: { routes: { once: { targets: ['openai/broken'], retries: 0 } } },
  })
  upstream.on('broken', { status: 503, errorBody: 'openai' })
  fit = [
    await post(
      CHAT,
      `{"model":"${OLD}", "seed":12345678901234567890,"messages":[{"role":"user","content":"one"}]}`,
    ),
    await post(CHAT, chat('two')),
    await post(CHAT, { ...chat('three'), stream: true }),
    await post('/v1/embeddings', { model: OLD, input: 'four' }),
  ]
  await post(CHAT, chat(`my key is ${SECRET}`))
  await post('/v1/moderations', { model: OLD, input: 'x' })
  await post(CHAT, { ...chat('y'.repeat(100_000)), temperature: 'hot' })
})
afterAll(async () => {
  await gateway.stop()
  await upstream.close()
})

const chat = (content: string) => ({ model: OLD, messages: [{ role: 'user', content }] })

async function post(path: string, body: object | string): Promise<string> {
  const answer = await fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.appKey}`, 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  await answer.text()
  return answer.headers.get('x-request-id') ?? ''
}

const where = () => ({ cwd: gateway.home, env: { AVAL_HOME: gateway.home, OPENAI_API_KEY: 'upstream-key' } })
const replay = (...words: string[]) => runAval(['requests', 'replay', '--model', 'old', ...words], where())
const replayJson = async (...words: string[]) => {
  const ended = await replay(...words, '--yes', '--json')
  return { ...ended, json: JSON.parse(ended.stdout) }
}
/** What was logged last is a moment behind. */
const shipped = (id: string) =>
  until(`${id} on the log`, async () => (await runAval(['requests', 'show', id], where())).code === 0)

test('a dry run says what would be sent, what is left out and why, and sends nothing', async () => {
  await shipped(fit[3] ?? '')
  const { code, stdout, stderr } = await replay('--against', 'openai/new', '--dry-run')

  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/^requests +4 \(.*3 chat.*\) against openai\/new$/m)
  expect(stdout).toMatch(/^tokens in +\d+, when they were first sent$/m)
  expect(stdout).toMatch(/^cost +unknown/m)
  expect(stdout).toMatch(/^1 +values were taken out of its body before it was kept$/m)
  expect(stdout).toMatch(/^1 +no chat, completion, embedding or response$/m)
  expect(upstream.calls('new')).toEqual([])
})

test('without consent nothing is sent', async () => {
  const { code, stdout, stderr } = await replay('--against', 'openai/new')

  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toContain('Send these 4 requests to openai/new?')
  expect(stderr).toContain('Nobody is here to ask: add --yes.')
  expect(upstream.calls('new')).toEqual([])
})

test('bodies go out as they came but for the model, and every pair is on the log', async () => {
  const { code, stdout, stderr } = await replay('--against', 'openai/same', '--yes')

  expect(code).toBe(0)
  expect(stdout).toMatch(/^4 of 4 sent to openai\/same, 4 completed$/m)
  expect(stdout).toMatch(/^completed +4 +4$/m)
  expect(stdout).toMatch(/^latency p50 .* 4$/m)
  expect(stdout).toMatch(/^first token p50 .* 1$/m)
  expect(stdout).toContain('4 of 4 answers that could be compared are identical.')
  expect(stderr).toContain('4 of 4 sent')
  const bodies = upstream.calls('same').map(({ body }) => body.toString())
  expect(bodies).toContain(
    '{"model":"same", "seed":12345678901234567890,"messages":[{"role":"user","content":"one"}]}',
  )
  expect(upstream.calls('same').filter(({ json }) => json?.stream === true)).toHaveLength(1)
  for (const id of fit) {
    const list = await runAval(['requests', 'list', '--replay-of', id, '--json'], where())
    expect(JSON.parse(list.stdout).data).toMatchObject([{ replay_of: id, requested_model: 'openai/same' }])
  }
})

test('a log with pairs is intact', async () => {
  const { code, stdout } = await runAval(['audit', 'verify', '--json'], where())

  expect({ code, status: JSON.parse(stdout).status }).toEqual({ code: 0, status: 'intact' })
})

test('answers that differ are told as pairs of ids', async () => {
  upstream.on('other', { text: 'something else' })

  const text = await replay('--against', 'openai/other', '--yes')
  const { json } = await replayJson('--against', 'openai/other')

  expect(text.stdout).toContain('1 of 4 answers that could be compared are identical. These differ:')
  expect(text.stdout).toMatch(new RegExp(`^  ${fit[0]} req_[0-9a-z]{26}$`, 'm'))
  expect(json).toMatchObject({
    against: 'openai/other',
    sent: 4,
    cost: null,
    outcomes: { completed: { before: 4, after: 4 } },
    answers: { compared: 4, identical: 1, differing: 3 },
    skipped: { redacted: 1, unsupported_operation: 1 },
  })
  const pairs = json.pairs as { before: { id: string }; after: { id: string }; after_id: string }[]
  expect(pairs.map(({ before }) => before.id).toSorted()).toEqual(fit.toSorted())
  expect(pairs.every(({ after, after_id }) => after.id === after_id)).toBe(true)
})

test('replays are not sent again themselves, unless they are asked for by what they replay', async () => {
  const again = await runAval(
    ['requests', 'replay', '--model', 'same', '--against', 'openai/x', '--dry-run'],
    where(),
  )
  const asked = await runAval(
    [
      'requests',
      'replay',
      '--replay-of',
      fit[0] ?? '',
      '--model',
      'same',
      '--against',
      'openai/x',
      '--dry-run',
    ],
    where(),
  )

  expect(again.code).toBe(103)
  expect(again.stdout).toMatch(/^4 +a replay itself$/m)
  expect(asked.code).toBe(0)
  expect(asked.stdout).toMatch(/^requests +1 /m)
})

test('what nothing matches ends with 103 and says how to go on', async () => {
  const { code, stdout } = await replay('--against', 'openai/new', '--route', 'none', '--yes')

  expect(code).toBe(103)
  expect(stdout).toBe('No request matches. Drop a filter, or look further back with --since 30d.\n')
})

test('bodies that were kept in part are left out', async () => {
  const { code, stdout } = await runAval(
    ['requests', 'replay', '--outcome', 'rejected', '--against', 'openai/new', '--dry-run'],
    where(),
  )

  expect(code).toBe(103)
  expect(stdout).toMatch(/^1 +its body was kept in part$/m)
})

test('when every replay fails it ends with 1 and shows with what', async () => {
  const { code, stdout } = await replay('--against', 'once', '--limit', '2', '--yes')

  expect(code).toBe(1)
  expect(stdout).toMatch(/^upstream_error +0 +2$/m)
  expect(stdout).toMatch(/^upstream_unavailable +2 +req_/m)
})

test('a model that does not exist is given up after the first refusals', async () => {
  const { code, stdout } = await replay('--against', 'nowhere', '--concurrency', '1', '--yes')

  expect(code).toBe(1)
  expect(stdout).toContain('1 of 4 sent to nowhere, 0 completed')
  expect(stdout).toContain('Given up: the others would have met the same. No model "nowhere" for this key.')
})

test('a limit is waited for, and each refusal is on the log', async () => {
  const made = await fetch(`${gateway.url}/api/keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'one at a time', roles: ['admin'], concurrency: 1 }),
  })
  const { token } = (await made.json()) as { token: string }
  await until('the key in force', async () => {
    const known = await fetch(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${token}` } })
    return known.ok
  })
  upstream.on('patient', { delayMs: 300 })

  const { code, stdout } = await runAval(
    [
      'requests',
      'replay',
      '--model',
      'old',
      '--limit',
      '2',
      '--concurrency',
      '2',
      '--against',
      'openai/patient',
      '--yes',
    ],
    { cwd: gateway.home, env: { AVAL_URL: gateway.url, AVAL_KEY: token } },
  )
  const refused = await runAval(['requests', 'list', '--status', '429', '--json'], where())

  expect(code).toBe(0)
  expect(stdout).toContain('2 of 2 sent to openai/patient, 2 completed')
  expect(fit).toContain(JSON.parse(refused.stdout).data[0]?.replay_of)
})

test('SIGINT begins nothing more, waits for what is under way and reports it', async () => {
  upstream.on('slow', { delayMs: 1500 })
  const running = startAval(
    ['requests', 'replay', '--model', 'old', '--against', 'openai/slow', '--concurrency', '1', '--yes'],
    where(),
  )
  await upstream.when(({ model }) => model === 'slow', 30_000)

  const { code, stdout, stderr } = await running.end('SIGINT')

  expect(code).toBe(1)
  expect(stderr).toContain('Stopping: what is under way is waited for.')
  expect(stdout).toContain('1 of 4 sent to openai/slow, 1 completed')
  expect(stdout).toContain('Stopped: 3 were not sent.')
  expect(upstream.calls('slow').map(({ finished }) => finished)).toEqual(['complete'])
})

test.each([
  [['--against', ' '], 'is no model'],
  [['--against', 'openai/x', '--limit', '5000'], 'from 1 to 1000'],
  [['--against', 'openai/x', '--concurrency', '0'], 'whole number from 1'],
  [['--against', 'openai/x', '--replay-of', 'last'], 'req_ and 26 letters'],
  [[], '--against'],
])('%j ends with 2 and says what is wrong', async (words, said) => {
  const { code, stderr } = await replay(...words)

  expect(code).toBe(2)
  expect(stderr).toContain(said)
})
