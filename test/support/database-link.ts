/** A link to a test database that can swallow the answer to COMMIT, go silent, be cut after any statement, and restored. */

import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import {
  type AddressInfo,
  connect,
  createServer,
  type NetConnectOpts,
  type Server,
  type Socket,
} from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SOCKET_NAME, WireReader } from '../../src/db/wire.ts'
import { embeddedDirectory, embeddedUrl } from '../../src/lib/database-url.ts'

const COMMAND_COMPLETE = 'C'
const MAX_ANSWER_BYTES = 64 * 1024 ** 2

export type DatabaseLink = {
  url: string
  /** Which COMMITs (counted from 0) lose their answer: the connection dies, or just stays silent. */
  loseAnswer: (commit: number) => 'cut' | 'silence' | null
  /** COMMITs that the database has answered. */
  commits: number
  /** Called after each statement the database has executed, counted from 1; `cut` ends the connection unanswered. */
  onStatement: (statement: number) => 'cut' | null
  statements: number
  /** Refuses and cuts connections. */
  down(): Promise<void>
  up(): Promise<void>
  close(): Promise<void>
}

export async function linkTo(url: string): Promise<DatabaseLink> {
  const directory = embeddedDirectory(url)
  const folder = mkdtempSync(join(tmpdir(), 'aval-link-'))
  const target: NetConnectOpts =
    directory === null
      ? { host: new URL(url).hostname, port: Number(new URL(url).port) }
      : { path: join(directory, SOCKET_NAME) }
  const sockets = new Set<Socket>()
  let server: Server | null = null
  let port = 0

  function pass(client: Socket): void {
    const upstream = connect(target)
    const answered = new WireReader(MAX_ANSWER_BYTES)
    let answers = true
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.on('data', (bytes: Buffer) => upstream.write(bytes))
    upstream.on('data', (bytes: Buffer) => {
      // CommandComplete: the database has committed; only the news of it is lost.
      if (bytes.includes('COMMIT\0')) {
        const fate = link.loseAnswer(link.commits)
        link.commits += 1
        if (fate !== null) answers = false
        if (fate === 'cut') client.destroy()
      }
      answered.push(bytes)
      for (let message = answered.takeMessage(); message !== null; message = answered.takeMessage()) {
        if (message.type !== COMMAND_COMPLETE || !answers) continue
        link.statements += 1
        if (link.onStatement(link.statements) !== 'cut') continue
        answers = false
        client.destroy()
      }
      if (answers) client.write(bytes)
    })
  }

  const link: DatabaseLink = {
    url: '',
    loseAnswer: () => null,
    commits: 0,
    onStatement: () => null,
    statements: 0,
    up: async () => {
      server = createServer(pass)
      server.listen(directory === null ? { host: '127.0.0.1', port } : { path: join(folder, SOCKET_NAME) })
      await once(server, 'listening')
      if (directory === null) port = (server.address() as AddressInfo).port
    },
    down: async () => {
      const closed = server === null ? null : once(server, 'close')
      server?.close()
      for (const socket of sockets) socket.destroy()
      await closed
      server = null
    },
    close: async () => {
      if (server !== null) await link.down()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  await link.up()
  if (directory === null) {
    const address = new URL(url)
    address.hostname = '127.0.0.1'
    address.port = String(port)
    link.url = address.href
  } else link.url = embeddedUrl(folder)
  return link
}
