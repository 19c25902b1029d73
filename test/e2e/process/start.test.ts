import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../support/child.ts'
import {
  call,
  chatBody,
  MAIN,
  runAval,
  type Started,
  start,
  startAval,
  temporaryFolder,
  until,
} from '../../support/process.ts'
import { refusedUrl, startSilentUpstream, startUpstream } from '../../support/upstream.ts'

const KEY = /vk_[0-9a-z]+_[0-9A-Za-z]{43}/g
let folder: Awaited<ReturnType<typeof temporaryFolder>>

beforeAll(async () => {
  folder = await temporaryFolder()
})
afterAll(() => folder.remove())

/** Starts in the folder as `npm start` does and resolves when the start screen is whole. */
async function serve(cwd: string, env: NodeJS.ProcessEnv = {}): Promise<Started & { port: number }> {
  const port = await freePort()
  const running = startAval(['serve'], {
    cwd,
    // A first start finds nothing compiled.
    env: { PORT: String(port), OLLAMA_HOST: '', NODE_COMPILE_CACHE: '', ...env },
  })
  await until(
    'the start screen',
    () => {
      if (!isRunning(running)) throw new Error(`The server ended:\n${running.stdout()}${running.stderr()}`)
      return /^ {2}then .*\n\n/m.test(running.stdout())
    },
    60_000,
  )
  return { ...running, port }
}

function isRunning({ pid }: Started): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

function tryLine(screen: string): string {
  return /^ {2}try +(.*)$/m.exec(screen)?.[1] ?? ''
}

function shell(line: string): { status: number | null; stdout: string } {
  const { status, stdout } = spawnSync('bash', ['-c', line], { encoding: 'utf8', timeout: 30_000 })
  return { status, stdout }
}

/** Every file below a folder, sockets left out. */
function filesBelow(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

describe('a first start in an empty folder', () => {
  let running: Started & { port: number }
  let screen: string
  let keys: string[]

  beforeAll(async () => {
    running = await serve(folder.path)
    screen = running.stdout()
    keys = [...new Set(screen.match(KEY) ?? [])]
  })
  afterAll(() => running.end())

  test('shows one admin and one app key, each once, and the app key again only in the line to try', () => {
    const withoutTry = screen.replace(tryLine(screen), '')

    expect(withoutTry.match(KEY)).toHaveLength(2)
    expect(withoutTry).toMatch(/^ {2}keys +admin +vk_/m)
    expect(withoutTry).toMatch(/^ {13} app +vk_/m)
    expect(tryLine(screen).match(KEY)).toEqual([keys[1]])
  })

  test('writes no key to the log and none to any file', () => {
    const secrets = keys.map((key) => key.split('_')[2] ?? '')

    const holders = filesBelow(join(folder.path, '.aval')).filter((path) => {
      const bytes = readFileSync(path)
      return secrets.some((secret) => bytes.includes(secret))
    })

    expect(secrets.map((secret) => secret.length)).toEqual([43, 43])
    expect(holders).toEqual([])
    expect(secrets.filter((secret) => running.stderr().includes(secret))).toEqual([])
  })

  test('keeps the data folder and the secrets in it to its owner', () => {
    const mode = (name: string) => (statSync(join(folder.path, name)).mode & 0o777).toString(8)

    expect(mode('.aval')).toBe('700')
    expect(['secrets.json', 'cli.json', 'keys.json'].map((name) => mode(`.aval/${name}`))).toEqual([
      '600',
      '600',
      '600',
    ])
  })

  test('the printed line, run as printed, answers a chat completion with a citation', () => {
    const { status, stdout } = shell(tryLine(screen))

    expect(status).toBe(0)
    const answer = JSON.parse(stdout) as { object?: string; choices?: { message: { content: string } }[] }
    expect(answer.object).toBe('chat.completion')
    expect(answer.choices?.[0]?.message.content).toContain(
      '“Shoes may be returned within 30 days of purchase.” [2]',
    )
  })

  test('the command line finds server and key by itself, and the request is on the log', async () => {
    const rows = await until('the row of the printed line', async () => {
      const { stdout } = await runAval(['requests', 'list', '--json'], { cwd: folder.path })
      const { data } = JSON.parse(stdout) as { data: Record<string, unknown>[] }
      return data.length > 0 && data
    })

    expect(rows[0]).toMatchObject({ requested_model: 'local/reader', outcome: 'completed', status: 200 })
  })

  test('the next start shows no key, and the first ones still work', async () => {
    expect(await running.end()).toMatchObject({ code: 0 })

    running = await serve(folder.path)

    expect(running.stdout()).not.toMatch(KEY)
    expect(tryLine(running.stdout())).toContain('YOUR_APP_KEY')
    const models = await call(`http://127.0.0.1:${running.port}/v1/models`, keys[1] ?? '')
    expect(models.status).toBe(200)
  })
})

test('upstreams of the environment are named with where they come from, and those that are dead hold nothing up', async () => {
  const own = await temporaryFolder()
  const silent = await startSilentUpstream()
  const upstream = await startUpstream()
  const running = await serve(own.path, {
    OPENAI_API_KEY: 'sk-upstream-canary-000000000000000000',
    OPENAI_BASE_URL: upstream.url,
    ANTHROPIC_API_KEY: 'anthropic-canary-00000000000000000000',
    ANTHROPIC_BASE_URL: await refusedUrl(),
    GEMINI_API_KEY: 'gemini-canary-0000000000000000000000',
    GEMINI_BASE_URL: silent.url,
    AVAL_APP_KEY: 'an-app-key-that-the-operator-brought-along',
  })

  const health = await call(`http://127.0.0.1:${running.port}/health`, null)
  const answer = await call(
    `http://127.0.0.1:${running.port}/v1/chat/completions`,
    'an-app-key-that-the-operator-brought-along',
    { body: chatBody('openai/mock') },
  )

  expect(running.stdout()).toMatch(/^ {2}upstreams +openai +from OPENAI_API_KEY$/m)
  expect(running.stdout()).toMatch(/ anthropic +from ANTHROPIC_API_KEY$/m)
  expect(running.stdout()).toMatch(/ gemini +from GEMINI_API_KEY$/m)
  expect(running.stdout()).toMatch(/^ {2}keys +admin +vk_/m)
  expect(running.stdout()).not.toContain('an-app-key-that-the-operator')
  expect(health).toMatchObject({ status: 200, json: { status: 'ok' } })
  expect(answer).toMatchObject({ status: 200 })
  expect(`${running.stdout()}${running.stderr()}`).not.toContain('canary')
  expect(await running.end()).toMatchObject({ code: 0 })
  await Promise.all([silent.close(), upstream.close(), own.remove()])
})

const mayUnshare =
  spawnSync('unshare', ['--net', 'ip', 'link', 'set', 'lo', 'up'], { timeout: 10_000 }).status === 0
const WITHOUT_NETWORK = `
ip link set lo up
PORT=8700 node "$1" serve >out 2>err &
for turn in $(seq 600); do grep -qs '^  then' out && break; sleep 0.1; done
bash -c "$(sed -n 's/^  try *//p' out)"
kill $!
wait $!`

test.skipIf(!mayUnshare)(
  `a machine with no network but loopback starts and answers${mayUnshare ? '' : ' (skipped: network namespaces are not permitted here)'}`,
  async () => {
    const own = await temporaryFolder()

    const ended = await start('unshare', ['--net', 'bash', '-c', WITHOUT_NETWORK, 'bash', MAIN], {
      cwd: own.path,
    }).exited

    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(ended.stdout)).toMatchObject({ object: 'chat.completion' })
    await own.remove()
  },
  90_000,
)
