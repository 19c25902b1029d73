/**
 * A TCP proxy that can go wrong on command: in front of a database, a queue or an upstream.
 * Never looks into the bytes; it only delays, drops, cuts and corrupts them.
 */
import { type AddressInfo, connect, createServer, type NetConnectOpts, type Socket } from 'node:net'

interface Faults {
  /** Extra delay before bytes from the server reach the client; order is kept. */
  delayMs: number
  /** `server`: answers vanish (a lost COMMIT reply); `both`: nothing passes; connections stay open. */
  swallow: 'none' | 'server' | 'both'
  /** New connections are reset at once. */
  refuse: boolean
  /** Flip one bit in each piece the server sends. */
  corrupt: boolean
  /** Pass the server's bytes in pieces of this many bytes; 0 = as they come. */
  trickleBytes: number
}

export interface FaultProxy {
  port: number
  /** Changes what happens from now on, on open connections too. */
  set(faults: Partial<Faults>): void
  /** Ends all open connections, politely (`fin`) or not (`rst`). */
  cut(how: 'fin' | 'rst'): void
  connections(): number
  close(): Promise<void>
}

const HEALTHY: Faults = { delayMs: 0, swallow: 'none', refuse: false, corrupt: false, trickleBytes: 0 }

function piecesOf(bytes: Buffer, size: number): Buffer[] {
  if (size <= 0) return [bytes]
  const count = Math.ceil(bytes.length / size)
  return Array.from({ length: count }, (_, at) => bytes.subarray(at * size, (at + 1) * size))
}

function corrupted(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  const middle = copy.length >> 1
  copy[middle] = (copy[middle] ?? 0) ^ 1
  return copy
}

function join(client: Socket, server: Socket, faults: Faults): void {
  let lastSendAt = 0
  const deliver = (bytes: Buffer) => {
    for (const piece of piecesOf(faults.corrupt ? corrupted(bytes) : bytes, faults.trickleBytes)) {
      if (!client.destroyed) client.write(piece)
    }
  }
  client.on('data', (bytes: Buffer) => {
    if (faults.swallow === 'both' || server.destroyed) return
    if (!server.write(bytes)) {
      client.pause()
      server.once('drain', () => client.resume())
    }
  })
  server.on('data', (bytes: Buffer) => {
    if (faults.swallow !== 'none') return
    // A later piece never overtakes an earlier one, even when the delay has just been lowered.
    lastSendAt = Math.max(lastSendAt, performance.now() + faults.delayMs)
    const waitMs = lastSendAt - performance.now()
    if (waitMs <= 0) deliver(bytes)
    else setTimeout(deliver, waitMs, bytes)
  })
  client.on('end', () => server.end())
  server.on('end', () => setTimeout(() => client.end(), Math.max(0, lastSendAt - performance.now())))
  for (const [one, other] of [
    [client, server],
    [server, client],
  ] as const) {
    one.on('error', () => other.destroy())
    one.on('close', (hadError) => hadError && other.destroy())
  }
}

/** Starts a healthy proxy on a free loopback port in front of `target` (`{ port }`, `{ path }`, …). */
export async function startFaultProxy(target: NetConnectOpts): Promise<FaultProxy> {
  const faults: Faults = { ...HEALTHY }
  const clients = new Set<Socket>()
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    if (faults.refuse) return void client.resetAndDestroy()
    clients.add(client)
    const upstream = connect({ ...target, noDelay: true, allowHalfOpen: true } as NetConnectOpts)
    client.on('close', () => {
      clients.delete(client)
      upstream.destroy()
    })
    join(client, upstream, faults)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    set: (changes) => void Object.assign(faults, changes),
    cut: (how) => {
      for (const client of clients) {
        if (how === 'rst') client.resetAndDestroy()
        else client.destroySoon()
      }
    },
    connections: () => clients.size,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const client of clients) client.destroy()
      }),
  }
}
