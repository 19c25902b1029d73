/** The app beside the model calls: what manages the gateway is loaded once, when it is asked for, and again after a failure. */

import { expect, test } from 'vitest'
import { createApp } from '../../../src/http/app.ts'
import { bareApp } from '../../../src/http/frame.ts'
import { systemClock } from '../../../src/lib/clock.ts'

function appWith(loadManagement: () => Promise<ReturnType<typeof bareApp>>) {
  const bugs: unknown[] = []
  const frame = { clock: systemClock, corsOrigins: [], reportBug: (error: unknown) => void bugs.push(error) }
  const app = createApp({
    ...frame,
    keyring: { authenticate: () => null },
    models: { routes: () => [], listings: async () => [] },
    checks: async () => [],
    scrape: async () => '',
    loadManagement,
  })
  const ask = (path: string) => app.fetch(new Request(`http://aval${path}`), { incoming: { headers: {} } })
  return { ask, bugs, frame }
}

test.each(['/healthz', '/readyz', '/metrics', '/v1/models', '/v1/nothing', '/apis'])(
  'nothing is loaded for %s',
  async (path) => {
    let loads = 0
    const { ask, frame } = appWith(async () => {
      loads += 1
      return bareApp(frame)
    })
    await ask(path)

    expect(loads).toBe(0)
  },
)

test('those who ask at once wait for one loading, with and without a path below', async () => {
  let loads = 0
  const { ask, frame } = appWith(async () => {
    loads += 1
    const management = bareApp(frame)
    management.all('*', (context) => context.text(context.req.path))
    return management
  })
  const paths = ['/api', '/api/keys', '/v1/files', '/files/f', '/v1/vector_stores', '/vector_stores/v/search']
  const answers = await Promise.all(paths.map(async (path) => (await ask(path)).text()))

  expect(answers).toEqual(paths)
  expect(loads).toBe(1)
})

test('a failure is an error of our own with the id of its request, and the next who asks loads again', async () => {
  const failures = [new Error('half an update')]
  const { ask, bugs, frame } = appWith(async () => {
    const failure = failures.pop()
    if (failure !== undefined) throw failure
    const management = bareApp(frame)
    management.all('*', (context) => context.text('managed'))
    return management
  })
  const failed = await ask('/api/keys')

  expect(failed.status).toBe(500)
  expect(failed.headers.get('x-request-id')).toMatch(/^req_/)
  expect(bugs).toHaveLength(1)
  expect(await (await ask('/api/keys')).text()).toBe('managed')
})
