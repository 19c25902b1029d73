/** The listening socket: bounds against slow and huge clients, and a stop that finishes what is under way. */

import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { getRequestListener } from '@hono/node-server'
import { answerUnreadable } from './unreadable.ts'
import type { DirectHandler } from './v1/model-calls.ts'

type FetchCallback = Parameters<typeof getRequestListener>[0]

/** A slow header is an attack (slow loris); a slow body may be a big picture on a bad line. */
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 120_000
/** Longer than the 60 s of common load balancers, so that they close first and never hit a closing socket. */
const KEEP_ALIVE_MS = 75_000
const MAX_HEADER_BYTES = 16 * 1024
const MAX_CONNECTIONS = 20_000

export type ListeningServer = {
  /** Where it listens, for people: `http://127.0.0.1:8700`. */
  url: string
  /** Stops accepting, waits for exchanges under way at most `drainMs`, then cuts the rest. Resolves with how many were cut. */
  close(drainMs: number): Promise<number>
}

/**
 * Listens and resolves. `direct` is asked first and takes the model calls; the app gets the rest. Rejects with the
 * system's error (EADDRINUSE …).
 */
export async function listen(
  direct: DirectHandler,
  app: { fetch: FetchCallback },
  host: string,
  port: number,
): Promise<ListeningServer> {
  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false })
  const server = createServer(
    {
      noDelay: true,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      connectionsCheckingInterval: 5000,
    },
    (incoming, outgoing) => {
      if (!direct(incoming, outgoing)) void listener(incoming, outgoing)
    },
  )
  server.maxConnections = MAX_CONNECTIONS
  const { running, answerOn } = trackExchanges(server)
  server.on('clientError', (error, socket) => answerUnreadable(error, socket, answerOn(socket)))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const address = server.address() as AddressInfo
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return { url: `http://${shown}:${address.port}`, close: (drainMs) => close(server, running, drainMs) }
}

type Exchanges = { running: () => number; answerOn: (socket: Duplex) => ServerResponse | null }

function trackExchanges(server: Server): Exchanges {
  let running = 0
  server.on('request', (incoming, outgoing) => {
    running += 1
    const socket: Answering = incoming.socket
    socket[ANSWER] = outgoing
    outgoing.on('close', () => {
      running -= 1
      if (socket[ANSWER] === outgoing) socket[ANSWER] = null
    })
  })
  return { running: () => running, answerOn: (socket: Answering) => socket[ANSWER] ?? null }
}

/** On the socket itself: a Map from sockets would keep every request in memory long after its end (ADR 38). */
const ANSWER = Symbol('answer')
type Answering = Duplex & { [ANSWER]?: ServerResponse | null }

async function close(server: Server, running: () => number, drainMs: number): Promise<number> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  // Connections that become idle while draining are closed too, so that a keep-alive client cannot hold the stop.
  const sweep = setInterval(() => server.closeIdleConnections(), 100)
  let cut = 0
  const deadline = setTimeout(() => {
    cut = running()
    server.closeAllConnections()
  }, drainMs)
  await closed
  clearInterval(sweep)
  clearTimeout(deadline)
  return cut
}
