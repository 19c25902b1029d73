import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CliActions } from '../../../src/cli/context.ts'
import type { CliDeps } from '../../../src/cli/root.ts'
import { runCli } from '../../../src/cli/run.ts'
import { createDatasetActions } from '../../../src/dataset-actions.ts'
import { createEvalActions } from '../../../src/eval-actions.ts'
import { createPromptActions } from '../../../src/prompt-actions.ts'
import { createSyncActions } from '../../../src/sync-actions.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { noAuditActions } from '../../support/audit-actions.ts'
import { type TestDatabase, testDatabase } from '../../support/database.ts'
import { logRow } from '../../support/log-row.ts'
import { noQualityActions } from '../../support/quality-actions.ts'

let database: TestDatabase
let server: ApiServer
/** An address that nothing listens at: a port that was just given back. */
let deadUrl: string

const ESCAPES = '\u001b]0;owned\u0007\u001b[2Jevil\u009b31m\u202e'
const rows = [
  logRow({
    id: 'req_01kb000000000000000000000a',
    attempts: [
      {
        upstream: 'openai',
        model: 'gpt-4o-mini',
        startedMs: 2,
        durationMs: 40,
        status: 503,
        error: 'upstream_unavailable',
        detail: 'overloaded',
        upstreamRequestId: null,
      },
      {
        upstream: 'claude',
        model: 'claude-haiku',
        startedMs: 60,
        durationMs: 1180,
        status: 200,
        error: null,
        detail: null,
        upstreamRequestId: 'x',
      },
    ],
  }),
  logRow({
    id: 'req_01kb000000000000000000000b',
    keyName: `shop${ESCAPES}`,
    route: null,
    requestedModel: 'gpt4o',
    upstream: null,
    model: null,
    outcome: 'rejected',
    status: 404,
    errorCode: 'model_not_found',
    durationMs: 0.8,
    inputTokens: null,
    outputTokens: null,
    responseBody: ESCAPES,
  }),
]

beforeAll(async () => {
  database = await testDatabase()
  server = await startApiServer(database, { rows })
  scriptChat(server)
  const held = createServer().listen(0, '127.0.0.1')
  await once(held, 'listening')
  deadUrl = `http://127.0.0.1:${(held.address() as AddressInfo).port}`
  held.close()
})
afterAll(async () => {
  await server.close()
  await database.close()
})

/** A /v1 that answers with the question, in words; `cut` stops half way, `fails` sends an error event. */
function scriptChat({ app }: ApiServer): void {
  app.post('/v1/chat/completions', async (c) => {
    const body = await c.req.json()
    const headers = { 'x-request-id': 'req_chat', 'x-aval-model': 'local/reader' }
    const question: string = body.messages.at(-1).content
    if (body.stream !== true) {
      const message = { role: 'assistant', content: question.toUpperCase() }
      return c.json(
        { model: 'reader', choices: [{ message }], usage: { prompt_tokens: 3, completion_tokens: 2 } },
        200,
        headers,
      )
    }
    const events = question.split(' ').map((word) => ({ choices: [{ delta: { content: `${word} ` } }] }))
    const ends: Record<string, string> = {
      cut: '',
      fails:
        'data: {"error":{"message":"The upstream broke off.","type":"upstream_error","param":null,"code":"upstream_cut"}}\n\n',
    }
    const usage = 'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\ndata: [DONE]\n\n'
    const text = events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')
    return c.body(text + (ends[body.model] ?? usage), 200, {
      ...headers,
      'content-type': 'text/event-stream',
    })
  })
}

type Options = {
  key?: string | null
  url?: string
  interactive?: boolean
  colors?: boolean
  answer?: boolean
  actions?: Partial<CliActions>
}

async function aval(words: string[], options: Options = {}) {
  const output = { out: '', err: '' }
  const deps: CliDeps = {
    version: '0.1.0',
    settings: {
      url: options.url ?? server.url,
      key: options.key === undefined ? server.keyOf('default', 'admin').token : options.key,
    },
    terminal: {
      write: (text) => {
        output.out += text
      },
      writeError: (text) => {
        output.err += text
      },
      interactive: options.interactive ?? false,
      colors: options.colors ?? false,
      columns: 120,
      timeZone: 'Asia/Tokyo',
      ask: async () => null,
      confirm: async () => options.answer ?? false,
      progressStream: process.stderr,
    },
    actions: {
      serve: async () => 0,
      work: async () => 0,
      migrate: async () => 0,
      check: async () => 2,
      selfCheck: async () => [
        { name: 'data folder', status: 'ok', detail: '.aval is writable', remedy: null },
      ],
      audit: noAuditActions(),
      prompts: createPromptActions('.'),
      retrieval: async () => ({ sources: [], indexes: [] }),
      policies: { check: async () => [] },
      quality: noQualityActions(),
      datasets: createDatasetActions('.'),
      evals: createEvalActions('.'),
      sync: createSyncActions('.'),
      ...options.actions,
    },
    nowMs: () => 1000,
  }
  const exitCode = await runCli(deps, words)
  return { exitCode, ...output }
}

describe('the request log', () => {
  test('is a table whose ids can be pasted, with local times', async () => {
    const { out, exitCode } = await aval(['requests', 'list', '--since', '7d'])

    expect(out).toMatchInlineSnapshot(`
      "TIME                 ID                              KEY        MODEL               OUTCOME    STATUS  TOOK    TOKENS
      2026-11-23 22:05:33  req_01kb000000000000000000000a  web-shop   openai/gpt-4o-mini  completed  200     1.24 s  12 > 40
      2026-11-23 22:05:33  req_01kb000000000000000000000b  shopevil…  gpt4o               rejected   404     1 ms    -

      One of them: aval requests show req_01kb000000000000000000000a
      "
    `)
    expect(exitCode).toBe(0)
  })

  test('shows one request with every attempt', async () => {
    const { out } = await aval(['requests', 'show', 'req_01kb000000000000000000000a'])

    expect(out).toMatchInlineSnapshot(`
      "request      req_01kb000000000000000000000a
      time         2026-11-23 22:05:33
      key          vk_01kb0000000000000000000000 (web-shop)
      call         POST /v1/chat/completions, streamed
      asked for    support-answer
      route        support-answer
      answered by  openai/gpt-4o-mini
      outcome      completed, 200
      finish       stop
      took         1.24 s, first token 85 ms
      tokens       12 in, 40 out
      cost         unknown

      ATTEMPT  TARGET               AFTER  TOOK    STATUS  ERROR                 UPSTREAM SAID
      1        openai/gpt-4o-mini   2 ms   40 ms   503     upstream_unavailable  overloaded
      2        claude/claude-haiku  60 ms  1.18 s  200     -                     -

      request (120 B)
      {"model":"support-answer"}

      response (2.4 kB)
      {"ok":true}
      "
    `)
  })

  test('never sends what a server holds to the terminal as control codes', async () => {
    const shown = await aval(['requests', 'show', 'req_01kb000000000000000000000b'])
    const listed = await aval(['requests', 'list'])
    const json = await aval(['requests', 'list', '--json'])

    for (const text of [shown.out, listed.out, json.out]) {
      expect(text).toContain('evil')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
      expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/)
    }
  })

  test('as JSON has UTC times and the cursor', async () => {
    const { out } = await aval(['requests', 'list', '--limit', '1', '--json'])

    expect(JSON.parse(out)).toMatchObject({
      data: [{ started_at: '2026-11-23T13:05:33.000Z' }],
      next_cursor: 'next-page',
    })
  })

  test('says how to go on with the same filters, as a shell reads them', async () => {
    const page = await aval([
      'requests',
      'list',
      '--limit',
      '1',
      '--route',
      "it's here",
      '--cursor',
      'page-1',
    ])

    expect(page.out).toContain(
      "More: aval requests list --limit 1 --route 'it'\\''s here' --cursor next-page\n",
    )
  })

  test('says how to go on, and what to do when it is empty', async () => {
    const page = await aval(['requests', 'list', '--limit', '1'])
    const empty = await aval(['requests', 'list'], { key: server.keyOf('other', 'auditor').token })
    const narrowed = await aval(['requests', 'list', '--route', 'x'], {
      key: server.keyOf('other', 'auditor').token,
    })

    expect(page.out).toContain('More: aval requests list --limit 1 --cursor next-page\n')
    expect(empty.out).toBe('No requests yet. Make one: aval chat "Say hello"\n')
    expect(narrowed.out).toContain('Drop a filter')
  })
})

describe('keys', () => {
  test('are made, listed, rotated and revoked with ids from the screen', async () => {
    const made = await aval([
      'key',
      'create',
      'web-shop',
      '--route',
      'support-*',
      '--rpm',
      '600',
      '--expires',
      '90d',
    ])
    const id = /id +(vk_\w+)/.exec(made.out)?.[1] ?? ''
    const token = /^(vk_\w{26}_\w{43})$/m.exec(made.out)?.[1] ?? ''
    await server.keyring.refresh()

    expect(server.keyring.authenticate(`Bearer ${token}`)).toMatchObject({
      id,
      rpm: 600,
      allowedRoutes: ['support-*'],
    })
    expect((await aval(['key', 'list'])).out).toContain(id)
    const rotated = await aval(['key', 'rotate', id, '--overlap', '2h'])
    expect(rotated.out).toContain(`${id} works until`)
    const revoked = await aval(['key', 'revoke', id, '--yes'])
    expect(revoked.out).toBe(`Revoked ${id} (web-shop).\n`)
  })

  test('have an owner, who is shown with them', async () => {
    const made = await aval(['key', 'create', 'laptop', '--owner', 'Anna@Example.com', '--json'])
    const { id, owner } = JSON.parse(made.out) as { id: string; owner: string }

    const shown = await aval(['key', 'show', id])
    const list = await aval(['key', 'list', '--limit', '1'])
    const wrong = await aval(['key', 'create', 'laptop', '--owner', 'Anna Lee'])

    expect(owner).toBe('anna@example.com')
    expect(shown.out).toMatch(/owner +anna@example\.com\n/)
    expect(shown.out).toMatch(/state +active\n/)
    expect(shown.out).not.toContain('token')
    expect(list.out).toMatch(/OWNER/)
    expect(list.out).toMatch(/laptop +anna@example\.com/)
    expect(wrong.exitCode).not.toBe(0)
    expect(wrong.err).toContain('such as anna@example.com')
  })

  test('are not revoked without --yes or a question', async () => {
    const { id } = server.keyOf('default', 'app')

    const alone = await aval(['key', 'revoke', id])
    const refused = await aval(['key', 'revoke', id], { interactive: true, answer: false })

    const unlimited = await aval(['key', 'create', 'x', '--rpm', 'many'])

    expect(unlimited).toMatchObject({ exitCode: 2, err: expect.stringContaining('whole number from 1') })
    expect(alone).toMatchObject({ exitCode: 2, err: expect.stringContaining('add --yes') })
    expect(refused).toMatchObject({ exitCode: 2, err: 'error Nothing was changed.\n' })
    expect((await aval(['key', 'list'])).out).toMatch(new RegExp(`${id}.*active`))
  })
})

describe('chat', () => {
  test('streams the answer to stdout and the rest to stderr', async () => {
    const { out, err, exitCode } = await aval(['chat', 'say hello'])

    expect({ out, err, exitCode }).toEqual({
      out: 'say hello \n',
      err: 'local/reader · 3 tokens in, 2 out · first token 0 ms · total 0 ms · aval requests show req_chat\n',
      exitCode: 0,
    })
  })

  test('waits for the whole answer on request, and prints JSON', async () => {
    const whole = await aval(['chat', 'say hello', '--no-stream'])
    const json = await aval(['chat', 'say hello', '--json'])

    expect(whole.out).toBe('SAY HELLO\n')
    expect(JSON.parse(json.out)).toMatchObject({
      answer: 'SAY HELLO',
      model: 'local/reader',
      request_id: 'req_chat',
    })
  })

  test('a stream that was cut, or that ended with an error, is a failure', async () => {
    const cut = await aval(['chat', 'say hello', '--model', 'cut'])
    const failed = await aval(['chat', 'say hello', '--model', 'fails'])

    expect(cut).toMatchObject({ exitCode: 1, err: expect.stringContaining('The answer was cut') })
    expect(failed).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining('The upstream broke off.\n  code upstream_cut, request req_chat'),
    })
  })
})

describe('models', () => {
  test('are listed, pulled with progress and removed', async () => {
    const list = await aval(['models', 'list'])
    const pulled = await aval(['models', 'pull', 'Xenova/tiny'])
    const failed = await aval(['models', 'pull', 'no/such'])
    const removed = await aval(['models', 'remove', 'Xenova/tiny', '--yes'])

    expect(list.out).toMatchInlineSnapshot(`
      "MODEL        FOR         SIZE    FROM     LOADED
      local/embed  embeddings  8.1 MB  shipped  no
      "
    `)
    expect(pulled.err).toBe('Xenova/tiny  10 %  of 100 B\nXenova/tiny  100 %  of 100 B\n')
    expect(failed).toMatchObject({ exitCode: 1, err: expect.stringContaining('models/no/such') })
    expect(removed.out).toBe('Removed Xenova/tiny.\n')
  })
})

describe('doctor and reload', () => {
  test('doctor asks the running server', async () => {
    const { out, exitCode } = await aval(['doctor'])

    expect(out.replace(server.url, 'URL')).toMatchInlineSnapshot(`
      "ok       server           answers at URL
      ok       database         embedded, .aval/db
      warning  upstream openai  no key
                                Set OPENAI_API_KEY.
      "
    `)
    expect(exitCode).toBe(0)
  })

  test('doctor without a server says so and looks from here', async () => {
    const { out, exitCode } = await aval(['doctor'], { url: deadUrl })

    expect(out).toContain('none answers at ')
    expect(out).toContain('.aval is writable')
    expect(exitCode).toBe(1)
  })

  test('reload shows why a file was not taken up', async () => {
    const { err, exitCode } = await aval(['reload'])

    expect(err).toContain('Did you mean "routes"?')
    expect(exitCode).toBe(2)
  })
})

describe('mistakes', () => {
  test('no server: says how to start one', async () => {
    const { err, exitCode } = await aval(['key', 'list'], { url: deadUrl })

    expect(err).toBe(
      `error No Aval server answers at ${deadUrl} (nothing listens there). Start one with \`npm start\` or \`aval serve\`, or set AVAL_URL.\n`,
    )
    expect(exitCode).toBe(1)
  })

  test('no key, a wrong key and a key without the role each say what to do', async () => {
    const none = await aval(['key', 'list'], { key: null })
    const wrong = await aval(['key', 'list'], { key: 'vk_wrong' })
    const app = await aval(['requests', 'list'], { key: server.keyOf('default', 'app').token })

    expect(none).toMatchObject({ exitCode: 2, err: expect.stringContaining('Set AVAL_KEY') })
    expect(wrong).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining('code invalid_api_key, request req_'),
    })
    expect(app).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining('needs the role auditor or admin'),
    })
  })

  test('a mistyped command, option or filter value is met with a suggestion', async () => {
    const command = await aval(['reqests', 'list'])
    const option = await aval(['requests', 'list', '--outcom', 'x'])
    const value = await aval(['requests', 'list', '--outcome', 'cut'])

    expect(command).toMatchObject({ exitCode: 2, err: expect.stringContaining('Did you mean requests?') })
    expect(option).toMatchObject({ exitCode: 2, err: expect.stringContaining('Did you mean --outcome?') })
    expect(value).toMatchObject({ exitCode: 2, err: expect.stringContaining('upstream_cut') })
  })

  test('help has the exit codes', async () => {
    const { out, exitCode } = await aval(['--help'])

    expect(exitCode).toBe(0)
    expect(out).toContain('103  the input is empty or invalid')
  })

  test('an action keeps its own exit code', async () => {
    expect((await aval(['check'])).exitCode).toBe(2)
    expect((await aval(['serve'], { actions: { serve: async () => 3 } })).exitCode).toBe(3)
  })
})

test('colours appear only where the terminal has them', async () => {
  const plain = await aval(['doctor'])
  const colored = await aval(['doctor'], { colors: true })

  expect(colored.out).not.toBe(plain.out)
  expect(stripVTControlCharacters(colored.out)).toBe(plain.out)
})
