/** A secret of ours shows up nowhere: not in an answer, not in a log line, not in a row, not in the files. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { refusedUrl } from '../support/upstream.ts'
import { type Contract, hello, startContract } from './support/harness.ts'

/** Shaped so that it would also pass for a code or a param of a vendor's error. */
const UPSTREAM_CANARY = 'sk-canary-upstream-0123456789abcdef'
const KEY_CANARY = 'vk_canary-virtual-0123456789abcdefghijklm'

let contract: Contract

beforeAll(async () => {
  const nowhere = await refusedUrl()
  contract = await startContract({
    upstream: { key: UPSTREAM_CANARY },
    env: { CONTRACT_CANARY: UPSTREAM_CANARY, CONTRACT_KEY: KEY_CANARY, LOG_LEVEL: 'trace' },
    settings: (up) => ({
      upstreams: {
        up: { ...up, key: 'env:CONTRACT_CANARY' },
        nowhere: { dialect: 'openai', base_url: nowhere, key: 'env:CONTRACT_CANARY' },
        claude: { dialect: 'anthropic', base_url: up.base_url, key: 'env:CONTRACT_CANARY' },
      },
      keys: [{ name: 'canary', secret: 'env:CONTRACT_KEY', roles: ['app'] }],
    }),
  })
})
afterAll(() => contract?.close())

test('in answers, log lines, rows and files', async () => {
  const echo = {
    error: { message: `Wrong key ${UPSTREAM_CANARY}`, code: UPSTREAM_CANARY, param: UPSTREAM_CANARY },
  }
  const said = JSON.stringify(echo)
  const json = 'application/json'
  contract.upstream.on('echo-401', { status: 401, body: said, contentType: json })
  contract.upstream.on('echo-400', { status: 400, body: said, contentType: json })
  contract.upstream.on('echo-200', { body: said, contentType: json })
  contract.upstream.on('echo-event', { body: `data: ${said}\n\n`, contentType: 'text/event-stream' })
  contract.upstream.on('echo-html', { body: `<b>${UPSTREAM_CANARY}</b>`, contentType: 'text/html' })
  contract.upstream.on('echo-header', { headers: { 'x-request-id': UPSTREAM_CANARY } })
  const models = ['echo-401', 'echo-400', 'echo-200', 'echo-event', 'echo-html', 'mock']
  const names = [
    ...models.map((name) => `up/${name}`),
    'nowhere/mock',
    'claude/mock',
    'missing',
    'up/mock?cut_after=1',
  ]

  const seen: string[] = []
  const rows: string[] = []
  for (const model of names) {
    for (const stream of [false, true]) {
      const answer = await contract.post(
        '/v1/chat/completions',
        { model, messages: hello, stream },
        { key: KEY_CANARY },
      )
      seen.push(JSON.stringify([...answer.headers]), answer.text)
      rows.push(JSON.stringify(await contract.row(answer.mark)))
    }
  }
  for (const key of [`${KEY_CANARY}x`, KEY_CANARY.toUpperCase()]) {
    const answer = await contract.post('/v1/chat/completions', '{', { key })
    contract.unmark(answer.mark)
    seen.push(JSON.stringify([...answer.headers]), answer.text)
  }
  const { gateway } = contract
  for (const path of ['/api/doctor', '/health', '/api/keys', '/api/requests']) {
    const answer = await fetch(gateway.url + path, {
      headers: { authorization: `Bearer ${gateway.adminKey}` },
    })
    seen.push(await answer.text())
  }

  const canaries = [UPSTREAM_CANARY, KEY_CANARY, gateway.adminKey, gateway.appKey]
  for (const canary of canaries) {
    expect(seen.filter((text) => text.includes(canary))).toEqual([])
    expect(rows.filter((text) => text.includes(canary))).toEqual([])
    expect(gateway.stderr()).not.toContain(canary)
    expect(gateway.stdout()).not.toContain(canary)
  }
  for (const file of await filesBelow(gateway.home)) {
    const bytes = await readFile(file).catch(() => Buffer.alloc(0))
    for (const canary of canaries) expect(bytes.includes(canary), `${canary} in ${file}`).toBe(false)
  }
})

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}
