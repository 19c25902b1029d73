import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RunningGateway, startGateway } from '../../support/gateway.ts'
import { call, chatBody, finish, REPOSITORY, runAval, start, until } from '../../support/process.ts'
import { refusedUrl, startUpstream, type Upstream } from '../../support/upstream.ts'

const ESCAPE = '\u001b'
let upstream: Upstream
let gateway: RunningGateway
let requestId: string

beforeAll(async () => {
  upstream = await startUpstream()
  gateway = await startGateway({
    env: { OPENAI_API_KEY: 'upstream-key', OPENAI_BASE_URL: upstream.url },
    config: { routes: { answer: { targets: ['openai/broken', 'openai/mock'], retries: 0 } } },
  })
  upstream.on('broken', { status: 503, errorBody: 'openai' })
  const answer = await call(`${gateway.url}/v1/chat/completions`, gateway.appKey, {
    body: chatBody('answer', 'shoes?'),
  })
  requestId = answer.headers.get('x-request-id') ?? ''
})
afterAll(async () => {
  await gateway.stop()
  await upstream.close()
})

const aval = (...words: string[]) =>
  runAval(words, { cwd: gateway.home, env: { AVAL_HOME: gateway.home, OPENAI_API_KEY: 'upstream-key' } })

test('help lists the commands, examples and what every exit code means', async () => {
  const { code, stdout, stderr } = await aval('--help')

  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  for (const command of [
    'serve',
    'work',
    'migrate',
    'check',
    'chat',
    'key',
    'requests',
    'audit',
    'prompt',
    'models',
    'doctor',
    'reload',
  ]) {
    expect(stdout).toMatch(new RegExp(`^ {2}${command}\\b`, 'm'))
  }
  for (const exit of [0, 1, 2, 3, 100, 101, 102, 103, 104, 110, 111]) {
    expect(stdout).toMatch(new RegExp(`^ +${exit} {2}\\S`, 'm'))
  }
  expect(stdout).toContain('Examples:')
})

test.each([
  [['sreve'], 'serve'],
  [['requests', 'lst'], 'list'],
  [['key', 'create', 'x', '--rle', 'app'], '--role'],
])('a mistyped %j ends with 2 and names what was meant', async (words, meant) => {
  const { code, stdout, stderr } = await aval(...words)

  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toContain(`Did you mean ${meant}?`)
})

test.each([
  [['key', 'list']],
  [['requests', 'list']],
  [['models', 'list']],
  [['doctor']],
  [['check']],
  [['reload']],
])('%j prints JSON and nothing else with --json', async (words) => {
  const { code, stdout, stderr } = await aval(...words, '--json')

  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(JSON.parse(stdout)).toBeTypeOf('object')
})

test('where nothing listens it says so and how to start one', async () => {
  const url = (await refusedUrl()).replace('/v1', '')

  const { code, stdout, stderr } = await runAval(['requests', 'list'], {
    cwd: gateway.home,
    env: { AVAL_URL: url, AVAL_KEY: gateway.adminKey },
  })

  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toBe(
    `error No Aval server answers at ${url} (nothing listens there). Start one with \`npm start\` or \`aval serve\`, or set AVAL_URL.\n`,
  )
})

test('chat prints the answer as it comes, without control codes, and the request to look at', async () => {
  upstream.on('evil', { text: `fine ${ESCAPE}[2J${ESCAPE}]0;owned\u0007\u009b31m\u202ewords` })

  const { code, stdout, stderr } = await aval('chat', 'hello', '--model', 'openai/evil')

  expect(code).toBe(0)
  expect(stdout).toBe('fine words\n')
  expect(stderr).toMatch(/aval requests show req_[0-9a-z]+\n$/)
  expect(upstream.calls('evil').at(-1)?.json).toMatchObject({ stream: true })
})

test('colours are for terminals, and NO_COLOR turns them off there too', async () => {
  const inTerminal = (env: NodeJS.ProcessEnv) =>
    finish(
      start('script', ['-qec', `${process.execPath} ${REPOSITORY}src/main.ts doctor`, '/dev/null'], {
        cwd: gateway.home,
        env: { AVAL_HOME: gateway.home, TERM: 'xterm', ...env },
      }),
      'doctor in a terminal',
    )

  const [piped, colored, plain] = await Promise.all([
    aval('doctor'),
    inTerminal({}),
    inTerminal({ NO_COLOR: '1' }),
  ])

  expect(piped.stdout).not.toContain(ESCAPE)
  expect(colored.stdout).toContain(`${ESCAPE}[32m`)
  expect(plain.stdout).not.toContain(ESCAPE)
})

test('a request is shown with its attempts and both bodies', async () => {
  await until('the row', async () => (await aval('requests', 'show', requestId)).code === 0)

  const { stdout } = await aval('requests', 'show', requestId)

  expect(stdout).toContain('shoes?')
  expect(stdout).toContain('echo: shoes?')
  expect(stdout).toMatch(/openai.broken.*503/)
  expect(stdout).toMatch(/openai.mock.*200/)
  const missing = await aval('requests', 'show', 'req_00000000000000000000000000')
  expect(missing).toMatchObject({ code: 2, stdout: '' })
})

test('npm run and npx find the program from the repository, whatever Node the machine has', async () => {
  const PATH = (process.env.PATH ?? '')
    .split(':')
    .filter((part) => !part.includes('node_modules'))
    .join(':')
  const env = {
    PATH,
    AVAL_HOME: gateway.home,
    npm_config_offline: 'true',
    npm_config_update_notifier: 'false',
  }
  const run = (command: string, ...words: string[]) =>
    finish(start(command, words, { cwd: REPOSITORY, env }), command)

  const listed = await run('npm', 'run', '--silent', 'aval', '--', 'key', 'list', '--json')
  const version = await run('npx', 'aval', '--version')

  expect(listed.code).toBe(0)
  expect(JSON.parse(listed.stdout)).toMatchObject({ next_cursor: null })
  expect(version).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
}, 60_000)
