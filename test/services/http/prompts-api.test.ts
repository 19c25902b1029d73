import { createHash } from 'node:crypto'
import { Hono } from 'hono'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { promptsApi } from '../../../src/http/api/prompts.ts'
import { createRecorder } from '../../../src/http/api/recorder.ts'
import type { ApiEnv } from '../../../src/http/auth.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { describeDatabases } from '../../support/database.ts'

const FILE = `
description: Answers a question.
owner: support-team
variables: { type: object, required: [question], properties: { question: { type: string } } }
messages:
  - { role: system, content: "{{#contexts}}[{{number}}] {{text}}{{/contexts}}" }
  - "{{messages}}"
  - { role: user, content: "{{question}}" }
parameters: { temperature: 0 }
tests:
  - variables: { question: why }
    renders: { contains: why }
`

describeDatabases('/api/prompts', (open) => {
  let server: ApiServer
  beforeAll(async () => {
    server = await startApiServer(open())
  })
  afterAll(() => server.close())
  beforeEach(() => {
    server.records.length = 0
  })

  async function call(
    method: string,
    path: string,
    body?: unknown,
    project: 'default' | 'other' = 'default',
  ) {
    const answer = await fetch(`${server.url}/api${path}`, {
      method,
      headers: {
        authorization: `Bearer ${server.keyOf(project, 'engineer').token}`,
        'content-type': 'application/json',
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return { status: answer.status, json: JSON.parse(await answer.text()) }
  }
  const push = (name: string, content: string, more = {}) =>
    call('POST', '/prompts', { name, content, ...more })

  test('a file becomes a version, and the same file again is that version', async () => {
    const made = await push('answer', FILE)
    const again = await push('answer', `${FILE}# a remark\n`)
    const shown = await call('GET', '/prompts/answer/versions/1')

    expect([made.status, again.status]).toEqual([201, 200])
    expect(made.json).toMatchObject({
      name: 'answer',
      version: 1,
      created: true,
      description: 'Answers a question.',
      owner: 'support-team',
      created_by: server.keyOf('default', 'engineer').id,
      created_by_name: 'default engineer',
    })
    expect(again.json).toEqual({ ...made.json, created: false })
    expect(shown.json.content.messages[1]).toBe('{{messages}}')
    expect(shown.json.content).not.toHaveProperty('tests')
    const [row] = await open().sql<
      { content: string }[]
    >`SELECT content FROM prompt_versions WHERE id = ${made.json.id}`
    expect(
      createHash('sha256')
        .update(row?.content ?? '')
        .digest('hex'),
    ).toBe(made.json.hash)
  })

  test('lists name the newest of each prompt, histories every version', async () => {
    await push('listed', FILE)
    await push('listed', FILE.replace('Answers', 'Answers well'))

    const list = await call('GET', '/prompts?limit=200')
    const first = await call('GET', '/prompts/listed?limit=1')
    const second = await call('GET', `/prompts/listed?limit=1&cursor=${first.json.next_cursor}`)
    const newest = await call('GET', '/prompts/listed/versions/newest')

    expect(list.json.data.filter((row: { name: string }) => row.name === 'listed')).toMatchObject([
      { version: 2, description: 'Answers well a question.' },
    ])
    expect([first, second].map(({ json }) => json.data[0].version)).toEqual([2, 1])
    expect(second.json.next_cursor).toBeNull()
    expect(newest.json.version).toBe(2)
  })

  test('a push is on the log before it is a version, and one that is refused is on no log', async () => {
    const wrong = await push('recorded', 'mesages: []')
    expect(server.records).toEqual([])

    const made = await push('recorded', FILE)

    expect(wrong.status).toBe(400)
    expect(server.records).toMatchObject([
      { kind: 'admin', action: 'prompt.push', target: 'recorded', detail: { hash: made.json.hash } },
    ])
  })

  test('nothing is pushed when the log cannot take it', async () => {
    const broken = createRecorder({ event: () => Promise.reject(new Error('the disk is full')) }, systemClock)
    const deps = { db: open().db, clock: systemClock, record: broken }
    const key = server.keyring.authenticate(`Bearer ${server.keyOf('default', 'engineer').token}`)
    const app = new Hono<ApiEnv>()
    app.onError((_error, c) => c.text('', 500))
    app.use(async (c, next) => {
      c.set('key', key!)
      await next()
    })
    app.route('/', promptsApi(deps))

    const answer = await app.request('/prompts', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'unlogged', content: FILE }),
    })

    expect(answer.status).toBe(500)
    expect((await call('GET', '/prompts/unlogged')).status).toBe(404)
  })

  test.each([
    ['a mistake', 'mesages: []', 'Did you mean "messages"?'],
    [
      'a failing test',
      FILE.replace('contains: why', 'contains: because'),
      'test 1 fails: not so: contains "because"',
    ],
    [
      'a test that cannot render',
      FILE.replace('{ question: why }', '{}'),
      'test 1 fails: /question is missing',
    ],
  ])('a file with %s is no version', async (_, content, message) => {
    const answer = await push('refused', content)

    expect(answer.status).toBe(400)
    expect(answer.json.error).toMatchObject({
      code: 'invalid_value',
      param: 'content',
      message: expect.stringContaining(message),
    })
    expect((await call('GET', '/prompts/refused')).status).toBe(404)
  })

  test.each(['../evil', 'A', '', 'a.yaml', 'a'.repeat(64)])('the name %j is refused', async (name) => {
    const answer = await push(name, FILE)

    expect(answer.json.error).toMatchObject({ code: 'invalid_value', param: 'name' })
  })

  test('who expects another newest version is told which it is', async () => {
    await push('raced', FILE, { expected_version: 0 })
    const late = await push('raced', FILE.replace('Answers', 'Knows'), { expected_version: 0 })

    expect(late.status).toBe(409)
    expect(late.json.error).toMatchObject({
      code: 'conflict',
      param: 'expected_version',
      message: expect.stringContaining('raced@1 of default engineer'),
    })
  })

  test('rendering gives what would be sent', async () => {
    await push('rendered', FILE)

    const { status, json } = await call('POST', '/prompts/rendered/versions/newest/render', {
      variables: { question: '{{secret}}' },
      contexts: [{ number: 1, text: 'Shoes.' }],
      messages: [{ role: 'assistant', content: 'hello' }],
    })

    expect(status).toBe(200)
    expect(json).toMatchObject({
      name: 'rendered',
      version: 1,
      messages: [
        { role: 'system', content: '[1] Shoes.' },
        { role: 'assistant', content: 'hello' },
        { role: 'user', content: '{{secret}}' },
      ],
      parameters: { temperature: 0 },
      tools: null,
      response_format: null,
    })
  })

  test('a wrong variable is 422 with its pointer', async () => {
    await push('rendered', FILE)

    const answer = await call('POST', '/prompts/rendered/versions/1/render', { variables: { question: 5 } })

    expect(answer.status).toBe(422)
    expect(answer.json.error).toEqual({
      message: '/question is number 5. Send a text.',
      type: 'invalid_request_error',
      param: '/question',
      code: 'invalid_variables',
    })
  })

  test('another project sees nothing of it: not in lists, not by name, not to render', async () => {
    await push('ours', FILE)

    const answers = await Promise.all([
      call('GET', '/prompts/ours', undefined, 'other'),
      call('GET', '/prompts/ours/versions/1', undefined, 'other'),
      call('GET', '/prompts/ours/versions/newest', undefined, 'other'),
      call('POST', '/prompts/ours/versions/1/render', { variables: { question: 'a' } }, 'other'),
    ])
    const list = await call('GET', '/prompts', undefined, 'other')

    expect(answers.map(({ status, json }) => [status, json.error.code])).toEqual(
      answers.map(() => [404, 'not_found']),
    )
    expect(list.json.data).toEqual([])
  })

  test('a version that is none says what there is', async () => {
    await push('ours', FILE)

    expect((await call('GET', '/prompts/ours/versions/99')).json.error.message).toContain(
      'GET /api/prompts/ours lists them',
    )
    for (const version of ['0', '-1', '1.5', 'latest', '99999999999']) {
      expect((await call('GET', `/prompts/ours/versions/${version}`)).json.error).toMatchObject({
        code: 'invalid_value',
        param: 'version',
      })
    }
  })

  test('a prompt may be larger than other bodies, and no other body is', async () => {
    const large = `${FILE}\n# ${'x'.repeat(200_000)}`

    expect((await push('large', large)).status).toBe(201)
    expect((await push('large', `${FILE}\n# ${'x'.repeat(300_000)}`)).json.error.message).toContain(
      'larger than 262144 bytes',
    )
    expect((await push('large', 'x'.repeat(600_000))).json.error).toMatchObject({ code: 'body_too_large' })
    for (const path of ['/keys', '/promptsx', '/prompts/a', '/prompts/a/versions/1']) {
      const answer = await call('POST', path, { name: 'x'.repeat(70_000) })
      expect(answer.json.error, path).toMatchObject({ code: 'body_too_large' })
    }
  })
})
