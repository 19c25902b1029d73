import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freePort } from '../../support/child.ts'
import { newTestKey, prepareHome, startGateway } from '../../support/gateway.ts'
import { call, chatBody, isAlive, startAval, temporaryFolder, until } from '../../support/process.ts'
import { startUpstream } from '../../support/upstream.ts'

function mountSmallDisk(path: string): boolean {
  return (
    spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=96m', 'tmpfs', path], { timeout: 10_000 }).status === 0
  )
}

function unmount(path: string): void {
  spawnSync('umount', ['--lazy', path], { timeout: 10_000 })
}

async function mayMount(): Promise<boolean> {
  const { path, remove } = await temporaryFolder()
  const mounted = mountSmallDisk(path)
  if (mounted) unmount(path)
  await remove()
  return mounted
}

const possible = await mayMount()

test.skipIf(!possible)(
  `on a full disk requests are refused before the upstream is called, and served again when there is room${possible ? '' : ' (skipped: mounting a small disk is not permitted here)'}`,
  async () => {
    const upstream = await startUpstream()
    const folder = await temporaryFolder()
    const spool = join(folder.path, 'spool')
    mkdirSync(spool)
    mountSmallDisk(spool)
    const gateway = await startGateway({
      home: folder.path,
      env: { OPENAI_API_KEY: 'upstream-key', OPENAI_BASE_URL: upstream.url },
    })
    try {
      const answered: string[] = []
      const asked = () => upstream.journal.filter(({ method }) => method === 'POST')
      let refused = 0
      const ask = async () => {
        const calls = asked().length
        const answer = await call(`${gateway.url}/v1/chat/completions`, gateway.appKey, {
          // Long enough that the spool's own room is used up soon.
          body: chatBody('openai/mock?echo=false', 'x'.repeat(1_000_000)),
        })
        if (answer.status === 200) answered.push(answer.headers.get('x-request-id') ?? '')
        else {
          refused += 1
          expect(answer).toMatchObject({ status: 503, json: { error: { code: 'audit_unavailable' } } })
          expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
          expect(asked()).toHaveLength(calls)
        }
        return answer.status
      }
      expect(await ask()).toBe(200)

      const filler = join(spool, 'filler')
      spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1M'], { timeout: 20_000 })
      for (let turn = 0; turn < 200 && refused < 5; turn += 1) await ask()
      expect(refused).toBe(5)
      const health = await call(`${gateway.url}/health/ready`, null)
      expect(health).toMatchObject({ status: 503, json: { status: 'unavailable' } })

      rmSync(filler)
      await until('it answers again', async () => (await ask()) === 200, 90_000)
      await until('healthy', async () => (await call(`${gateway.url}/health/ready`, null)).status === 200)

      const rows = await until(
        'every row',
        async () => {
          const { json } = await call(
            `${gateway.url}/api/requests?outcome=completed&limit=200`,
            gateway.adminKey,
          )
          const ids = ((json.data ?? []) as { id: string }[]).map(({ id }) => id)
          return answered.every((id) => ids.includes(id)) && ids
        },
        30_000,
      )
      expect(rows.length).toBe(answered.length)
      expect(asked()).toHaveLength(answered.length)
    } finally {
      await gateway.stop()
      unmount(spool)
      await upstream.close()
      await folder.remove()
    }
  },
  240_000,
)

test.skipIf(!possible)(
  `without room at the start the server says so and calls nobody, and serves when there is room${possible ? '' : ' (skipped: mounting a small disk is not permitted here)'}`,
  async () => {
    const upstream = await startUpstream()
    const folder = await temporaryFolder()
    const spool = join(folder.path, 'spool')
    const filler = join(spool, 'filler')
    mkdirSync(spool)
    mountSmallDisk(spool)
    spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1M'], { timeout: 20_000 })
    await prepareHome(folder.path)
    const port = await freePort()
    const [admin, app] = [newTestKey(), newTestKey()]
    const server = startAval(['serve'], {
      cwd: folder.path,
      env: {
        AVAL_HOME: folder.path,
        PORT: String(port),
        AVAL_ADMIN_KEY: admin,
        AVAL_APP_KEY: app,
        OPENAI_API_KEY: 'upstream-key',
        OPENAI_BASE_URL: upstream.url,
      },
    })
    const url = `http://127.0.0.1:${port}`
    const ask = () =>
      call(`${url}/v1/chat/completions`, app, { body: chatBody('openai/mock?echo=false', 'hello') })
    try {
      await until(
        'it serves',
        () => {
          if (!isAlive(server.pid)) throw new Error(`The server ended:\n${server.stdout()}${server.stderr()}`)
          return server.stderr().includes('"msg":"serving"')
        },
        60_000,
      )
      const health = await call(`${url}/health/ready`, null)
      const refused = await ask()

      expect(server.stderr()).toMatch(/"state":"full","code":"ENOSPC","msg":"audit\.refusing"/)
      expect(health.status).toBe(503)
      expect(health.text).toContain('the spool is full')
      expect(refused).toMatchObject({ status: 503, json: { error: { code: 'audit_unavailable' } } })
      expect(upstream.journal.filter(({ method }) => method === 'POST')).toEqual([])

      rmSync(filler)
      const answer = await until('it answers', async () => {
        const one = await ask()
        return one.status === 200 && one
      })
      const id = answer.headers.get('x-request-id') ?? ''
      await until('its row', async () => (await call(`${url}/api/requests/${id}`, admin)).status === 200)

      expect(await server.end()).toMatchObject({ code: 0 })
    } finally {
      await server.end('SIGKILL')
      unmount(spool)
      await upstream.close()
      await folder.remove()
    }
  },
  120_000,
)
