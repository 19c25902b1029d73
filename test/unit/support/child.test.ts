import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { freePort, type ServerCommand, startServer } from '../../support/child.ts'

async function command(script: string): Promise<ServerCommand> {
  const port = await freePort()
  return {
    command: process.execPath,
    args: ['-e', script],
    cwd: tmpdir(),
    env: { PORT: String(port) },
    readyUrl: `http://127.0.0.1:${port}/health/ready`,
    readyTimeoutMs: 10_000,
  }
}

const SERVE = `require('node:http').createServer((_, response) => response.end('ok')).listen(process.env.PORT, '127.0.0.1');`

async function isAlive(pid: number): Promise<boolean> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    try {
      // A zombie has ended; only nobody has asked for its exit code.
      if (/^\d+ \(.*\) Z/.test(await readFile(`/proc/${pid}/stat`, 'utf8'))) return false
    } catch {
      return false
    }
    await sleep(20)
  }
  return true
}

test('a server is ready once it answers, and stop ends it', async () => {
  const server = await startServer(await command(`${SERVE} console.log('up')`))

  expect(server.stdout()).toBe('up\n')
  expect(await server.stop()).toBe('SIGTERM')
  expect(await isAlive(server.pid)).toBe(false)
})

test('a server that ends before it is ready is reported with what it said', async () => {
  const starting = startServer(await command(`console.error('no database'); process.exit(2)`))

  await expect(starting).rejects.toThrow(/ended \(2\).*no database/s)
})

test('what a killed server had started ends with stop', async () => {
  const grandchild = `const child = require('node:child_process').spawn('sleep', ['60']); console.log(child.pid);`
  const server = await startServer(await command(SERVE + grandchild))
  const pid = Number(server.stdout())

  await server.kill9()
  const outlives = await isAlive(pid)
  await server.stop()

  expect(outlives).toBe(true)
  expect(await isAlive(pid)).toBe(false)
})
