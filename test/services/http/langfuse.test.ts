/** The read API that Langfuse's SDKs know, over the registry: which version a label means, and who is told. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ROLES } from '../../../src/keys/key.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { OPEN } from '../../../src/promotion/policy.ts'
import { moveLabel } from '../../../src/promotion/promote.ts'
import { createRelease } from '../../../src/registry/releases/create.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { describeDatabases } from '../../support/database.ts'
import { AUTHOR, seedModel, seedPrompt } from '../../support/registry.ts'

const variables = { type: 'object', properties: { q: { type: 'string' } } }
const contentOf = (text: string) => ({
  variables,
  messages: [{ role: 'system', content: text }, '{{messages}}', { role: 'user', content: '{{ q }}' }],
  parameters: { temperature: 0.2 },
})

describeDatabases('Langfuse’s prompt API', (open) => {
  let server: ApiServer
  beforeAll(async () => {
    const { db } = open()
    server = await startApiServer(open())
    await seedModel(db, { name: 'small', content: { upstream: 'up', model: 'small-1' } })
    for (const version of [1, 2, 3]) {
      await seedPrompt(db, { name: 'answer', version, content: contentOf(`Text ${version}`) })
    }
    await serves('support', 'production', 'answer@2')
    await serves('support', 'staging', 'answer@3')
    await serves('shop', 'staging', 'answer@1')
    await serves('shop', 'production', 'answer@2')
    // A label of its own, and an unrelated route without a prompt.
    await serves('shop', 'try-out', 'answer@1')
    await serves('passing', 'production', null)
  })
  afterAll(() => server.close())

  async function serves(route: string, label: string, prompt: string | null) {
    const deps = { db: open().db, clock: systemClock }
    const { release } = await createRelease(deps, AUTHOR, {
      route,
      from: null,
      prompt,
      models: [{ ref: 'small', weight: null }],
      parameters: null,
      retries: null,
      index: null,
      retrieval: null,
    })
    const move = { route, label, to: release.number, canary: null, expected: null, reason: 'a test' }
    await moveLabel(deps, AUTHOR, OPEN, move)
    return release.number
  }

  const tokenOf = (project: 'default' | 'other', role: (typeof ROLES)[number]) =>
    server.keyOf(project, role).token
  const basic = (user: string, password: string) =>
    `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

  async function read(path: string, authorization = `Bearer ${tokenOf('default', 'app')}`) {
    const response = await fetch(`${server.url}/api/public${path}`, { headers: { authorization } })
    return { status: response.status, json: JSON.parse(await response.text()) }
  }

  test('answers in their shape, with the template as it is and a place for messages', async () => {
    const { status, json } = await read('/v2/prompts/answer?version=2')

    expect(status).toBe(200)
    expect(json).toEqual({
      name: 'answer',
      version: 2,
      type: 'chat',
      prompt: [
        { role: 'system', content: 'Text 2' },
        { type: 'placeholder', name: 'messages' },
        { role: 'user', content: '{{ q }}' },
      ],
      config: { temperature: 0.2 },
      labels: ['production'],
      tags: [],
    })
  })

  describe('which version', () => {
    test.each([
      ['', 2, ['production']],
      ['?label=production', 2, ['production']],
      ['?label=latest&resolve=true', 3, ['latest']],
      ['?label=try-out', 1, ['try-out']],
      ['?version=3', 3, ['latest']],
    ])('"%s" is %i', async (query, version, labels) => {
      const { json } = await read(`/v2/prompts/answer${query}`)

      expect(json).toMatchObject({ version, labels })
    })

    test('a label under which routes serve several is refused, and the answer names them', async () => {
      const { status, json } = await read('/v2/prompts/answer?label=staging')

      expect(status).toBe(409)
      expect(json.error).toMatchObject({ code: 'conflict', param: 'label' })
      expect(json.error.message).toContain('shop has answer@1, support has answer@3')
    })

    test('follows the label when it moves, and not the canary', async () => {
      const { db } = open()
      await seedPrompt(db, { name: 'moving', content: contentOf('one') })
      await seedPrompt(db, { name: 'moving', version: 2, content: contentOf('two') })
      const first = await serves('mover', 'production', 'moving@1')
      const second = await serves('mover', 'production', 'moving@2')
      const now = await read('/v2/prompts/moving')
      await moveLabel({ db, clock: systemClock }, AUTHOR, OPEN, {
        route: 'mover',
        label: 'production',
        to: first,
        canary: { release: second, weight: 5000 },
        expected: null,
        reason: 'a test',
      })
      const back = await read('/v2/prompts/moving')

      expect([now.json.version, back.json.version]).toEqual([2, 1])
    })

    test('a name as it was at Langfuse is that of the imported prompt', async () => {
      await seedPrompt(open().db, { name: 'support-event-planner', content: contentOf('plan') })

      const { json } = await read(`/v2/prompts/${encodeURIComponent('Support/Event Planner')}?label=latest`)

      expect(json).toMatchObject({ name: 'support-event-planner', version: 1 })
    })
  })

  describe('who', () => {
    test.each(ROLES)('%s may read, by Bearer and by Basic on either side', async (role) => {
      const token = tokenOf('default', role)

      const answers = await Promise.all(
        [`Bearer ${token}`, basic('pk-lf-1', token), basic(token, ''), basic(token, 'sk-lf-1')].map((one) =>
          read('/v2/prompts/answer', one),
        ),
      )

      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    })

    test('everything else gets the one and the same 401', async () => {
      const token = tokenOf('default', 'app')
      const wrong = [
        '',
        'Bearer nothing',
        basic('pk-lf-1', 'sk-lf-1'),
        basic('', ''),
        basic('pk', `${token.slice(0, -1)}_`),
        `Basic ${token}`,
        'Basic %%%',
      ]

      const answers = await Promise.all(wrong.map((one) => read('/v2/prompts/answer', one)))
      const inside = await fetch(`${server.url}/api/keys`)

      expect(answers.map(({ status }) => status)).toEqual(wrong.map(() => 401))
      expect(new Set(answers.map(({ json }) => JSON.stringify(json)))).toEqual(new Set([await inside.text()]))
    })

    test('Basic is taken here alone', async () => {
      const headers = { authorization: basic('pk', tokenOf('default', 'admin')) }

      const inside = await fetch(`${server.url}/api/prompts`, { headers })

      expect(inside.status).toBe(401)
    })

    test('another project has neither the prompt nor the labels', async () => {
      const other = basic('pk', tokenOf('other', 'admin'))
      const absent = await read('/v2/prompts/answer', other)
      await seedPrompt(open().db, { projectId: 'prj_other', name: 'answer', content: contentOf('Theirs') })
      const unlabelled = await read('/v2/prompts/answer', other)
      const latest = await read('/v2/prompts/answer?label=latest', other)

      expect([absent.status, unlabelled.status, latest.status]).toEqual([404, 404, 200])
      expect(latest.json.prompt[0].content).toBe('Theirs')
    })
  })

  describe('what is not there', () => {
    test.each([
      ['/v2/prompts/nothing', 404, 'has no prompt "nothing"'],
      ['/v2/prompts/answer?version=9', 404, 'answer has no version 9'],
      ['/v2/prompts/answer?label=nowhere', 404, 'No route’s label nowhere serves'],
      ['/v2/prompts/..%2F..%2Fkeys', 404, 'not the name of a prompt'],
      ['/v2/prompts/answer?version=1&label=production', 400, 'not both'],
      ['/v2/prompts/answer?version=0', 400, 'number of a version'],
      ['/v2/prompts/answer?label=%00', 400, 'label: Write lower-case letters'],
      ['/v2/prompts', 404, 'GET /api/public/v2/prompts/{name} is served'],
      ['/projects', 404, 'GET /api/public/v2/prompts/{name} is served'],
    ])('%s is a %i', async (path, expected, message) => {
      const { status, json } = await read(path)

      expect(status).toBe(expected)
      expect(json.error.message.replaceAll("'", '’')).toContain(message)
    })
  })

  describe('what compile() cannot fill is refused with its place', () => {
    const beyond: [string, unknown, string][] = [
      [
        'sectioned',
        '{{#contexts}}{{text}}{{/contexts}}',
        'messages.0 of sectioned@1 has a section, {{#contexts}}',
      ],
      ['inverted', '{{^q}}none{{/q}}', 'has a section, {{^q}}'],
      ['reaching', '{{q.name}}', 'reaches into a value, {{q.name}}'],
      ['remarked', 'a {{! remark }}', 'has a comment'],
      ['pictured', [{ type: 'text', text: 'hello' }], 'is a list of parts'],
    ]
    test.each(beyond)('%s', async (name, content, message) => {
      await seedPrompt(open().db, { name, content: { variables, messages: [{ role: 'user', content }] } })

      const { status, json } = await read(`/v2/prompts/${name}?label=latest`)

      expect(status).toBe(400)
      expect(json.error).toMatchObject({ code: 'unsupported_operation' })
      expect(json.error.message).toContain(message)
    })
  })

  test('tools and the response format come with the parameters', async () => {
    const tools = [{ type: 'function', function: { name: 'look_up' } }]
    const response_format = { type: 'json_object' }
    const content = { messages: [{ role: 'user', content: 'x' }], tools, response_format }
    await seedPrompt(open().db, { name: 'tooled', content })

    const { json } = await read('/v2/prompts/tooled?label=latest')

    expect(json.config).toEqual({ tools, response_format })
  })
})
