/** A pool's connection that closes while the driver still holds a write back serves the next query all the same. */

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { TLSSocket } from 'node:tls'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { connectDatabase } from '../../../src/db/client.ts'
import { hasOpenssl, makeCertificate } from '../../support/certificate.ts'
import { describeDatabases } from '../../support/database.ts'

/** Once could be luck; every loss leaves its bytes to the next. */
const LOSSES = 5

let sockets: Socket[]

beforeEach(() => {
  sockets = []
  const connect = Socket.prototype.connect
  vi.spyOn(Socket.prototype, 'connect').mockImplementation(function (this: Socket, ...given: [path: string]) {
    sockets.push(this)
    return connect.apply(this, given)
  } as typeof connect)
})
afterEach(() => {
  vi.restoreAllMocks()
})

/** What the statement that loses its connection is told, each time, and what the one after the last is answered. */
async function lose(url: string): Promise<{ told: unknown[]; answer: unknown }> {
  // One connection, so that the next query can only use the one that was lost.
  const { sql, close } = connectDatabase(url, { maxConnections: 1, applicationName: 'aval-test' })
  const told: unknown[] = []
  for (let loss = 0; loss < LOSSES; loss += 1) {
    const before = sockets.length
    await sql`SELECT 1`
    // From a check phase: the close is told in this turn of the loop, the held write would be sent in the next.
    await turn()
    sockets[before]?.destroy()
    told.push(await sql`SELECT 2`.catch((error: unknown) => error))
  }
  const [row] = await sql`SELECT 3 AS answer`
  await close()
  return { told, answer: row?.answer }
}

const REFUSED = Array.from({ length: LOSSES }, () => expect.any(Error))

describeDatabases('a connection that closes under a held write', (open) => {
  test('fails its statement, and the next is answered', async () => {
    expect(await lose(open().url)).toEqual({ told: REFUSED, answer: 3 })
  })

  test.skipIf(!hasOpenssl)('over TLS, too (needs openssl to make a certificate)', async ({ skip }) => {
    skip(open().embedded, 'the embedded database has no network to guard')
    const front = await encrypting(new URL(open().url))

    expect(await lose(`${front.url}?sslmode=require`)).toEqual({ told: REFUSED, answer: 3 })
    expect(front.handshakes()).toBeGreaterThan(LOSSES)
    await front.close()
  })
})

/** A front before the server that speaks TLS as PostgreSQL does: asked in clear first. */
async function encrypting(
  server: URL,
): Promise<{ url: string; handshakes: () => number; close(): Promise<void> }> {
  const certificate = makeCertificate()
  let handshakes = 0
  const front = createServer((client) => {
    client.on('error', () => client.destroy())
    client.once('data', () => {
      client.write('S')
      const plain = new TLSSocket(client, { isServer: true, ...certificate })
      const upstream = connect({ host: server.hostname, port: Number(server.port) })
      plain.once('secure', () => {
        handshakes += 1
      })
      for (const [from, to] of [
        [plain, upstream],
        [upstream, plain],
      ] as const) {
        from.on('error', () => from.destroy())
        from.on('close', () => to.destroy())
        from.pipe(to)
      }
    })
  })
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
  const url = new URL(server)
  url.hostname = '127.0.0.1'
  url.port = String((front.address() as AddressInfo).port)
  return {
    url: url.href,
    handshakes: () => handshakes,
    close: async () => {
      front.close()
      await once(front, 'close')
    },
  }
}
