import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { soakHolds, soakKill } from '../../../bench/soak-kill.ts'
import { testServerDatabase } from '../../support/database.ts'
import { type RunningGateway, startGateway } from '../../support/gateway.ts'
import { call, chatBody, MAIN, openStream, until } from '../../support/process.ts'
import { printCount, soakCount } from '../../support/soak.ts'
import { startUpstream, type Upstream } from '../../support/upstream.ts'

const KILLS = soakCount(5, 100)
const CLEAN = { lost: 0, wronglyEnded: 0, duplicates: 0, unresolved: 0, upstreamWithoutRow: 0, invented: 0 }
const serverUrl = process.env.TEST_DATABASE_URL ?? ''

async function soak(env: Record<string, string>) {
  const result = await soakKill({
    kills: KILLS,
    command: [process.execPath, MAIN, 'serve'],
    concurrency: 8,
    lifeMs: { min: 300, max: 1500 },
    env,
  })
  const { kills, sent, rows, lost, duplicates, unresolved, readyMs } = result
  printCount(
    `${kills} kills of a gateway: ${sent} sent, ${rows} rows, ${lost} lost, ${duplicates} doubled, ${unresolved} unresolved, ready again in ${readyMs.median} ms (median)`,
  )
  return result
}

test('killed again and again under load, the log has every answer once and no request without an end', async () => {
  const result = await soak({})

  expect(result).toMatchObject(CLEAN)
  expect(result.acknowledged).toBeGreaterThan(KILLS)
  expect(soakHolds(result)).toBe(true)
}, 3_600_000)

test.skipIf(serverUrl === '')(
  `the same with PostgreSQL${serverUrl === '' ? ' (skipped: TEST_DATABASE_URL is not set)' : ''}`,
  async () => {
    const database = await testServerDatabase(serverUrl)

    const result = await soak({ DATABASE_URL: database.url })

    expect(result).toMatchObject(CLEAN)
    expect(soakHolds(result)).toBe(true)
    await database.close()
  },
  3_600_000,
)

describe('one server', () => {
  let upstream: Upstream
  let gateway: RunningGateway
  const env = () => ({ OPENAI_API_KEY: 'upstream-key', OPENAI_BASE_URL: upstream.url })
  const again = () =>
    startGateway({ home: gateway.home, adminKey: gateway.adminKey, appKey: gateway.appKey, env: env() })
  const row = (id: string) =>
    until(`the row of ${id}`, async () => {
      const { status, json } = await call(`${gateway.url}/api/requests/${id}`, gateway.adminKey)
      return status === 200 && json
    })

  beforeAll(async () => {
    upstream = await startUpstream()
    gateway = await startGateway({ env: env() })
    const { home } = gateway
    return async () => {
      await gateway.stop()
      await import('node:fs/promises').then(({ rm }) => rm(home, { recursive: true, force: true }))
    }
  })
  afterAll(() => upstream.close())

  test('a long stream that a kill broke off keeps what had been sent, and ends as gateway_crash', async () => {
    upstream.on('long', { tokens: 2000, chunkMs: 5 })
    const stream = await openStream(gateway, 'openai/long')
    await until('more than one part of the answer', () => stream.text().length > 210_000)

    await gateway.kill9()
    const { text } = await stream.ended()
    gateway = await again()

    expect(text).not.toContain('[DONE]')
    const kept = await row(stream.requestId)
    expect(kept).toMatchObject({ outcome: 'gateway_crash', stream: true })
    const body = String(kept.response_body)
    expect(body.length).toBeGreaterThan(64 * 1024)
    expect(text.startsWith(body.slice(0, Math.min(body.length, text.length)))).toBe(true)
  }, 60_000)

  test('asked to stop, it finishes the stream and the requests under way, logs them, and ends with 0', async () => {
    upstream.on('story', { tokens: 40, chunkMs: 50 })
    upstream.on('slow', { delayMs: 1500 })
    const stream = await openStream(gateway, 'openai/story')
    const slow = Array.from({ length: 5 }, (_, at) =>
      call(`${gateway.url}/v1/chat/completions`, gateway.appKey, {
        body: chatBody('openai/slow', `slow ${at}`),
      }),
    )
    await until(
      'all of them at the upstream',
      () => upstream.calls('slow').length === 5 && stream.text().includes('word2'),
    )

    process.kill(gateway.pid, 'SIGTERM')
    const answers = await Promise.all(slow)
    const { text, failed } = await stream.ended()

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    expect(failed).toBeNull()
    expect(text).toContain('word39')
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
    expect(await gateway.exited).toBe(0)
    expect(gateway.stderr()).toContain('"cutExchanges":0,"shipped":true')

    gateway = await again()
    const ids = [...answers.map(({ headers }) => headers.get('x-request-id') ?? ''), stream.requestId]
    const rows = await Promise.all(ids.map(row))
    expect(rows.map(({ outcome }) => outcome)).toEqual(ids.map(() => 'completed'))
  }, 60_000)
})
