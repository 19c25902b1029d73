/**
 * What Aval is measured against: the least a Node process can do between a client and an upstream.
 * node:http in, an undici keep-alive pool out, bytes passed as they are; no auth, no log, no parsing.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Pool } from 'undici'

const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'host', 'expect', 'upgrade'])

const upstream = new URL(process.argv[2] ?? '')
const pool = new Pool(upstream.origin, { connections: 128, pipelining: 1 })

function passedHeaders(headers: IncomingMessage['headers']): Record<string, string | string[]> {
  const passed: Record<string, string | string[]> = {}
  for (const name in headers) {
    const value = headers[name]
    if (value !== undefined && !HOP_BY_HOP.has(name)) passed[name] = value
  }
  return passed
}

async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
  await pool.stream(
    { path: request.url ?? '/', method: 'POST', headers: passedHeaders(request.headers), body: request },
    ({ statusCode, headers }) =>
      response.writeHead(statusCode, passedHeaders(headers as IncomingMessage['headers'])),
  )
}

const server = createServer({ noDelay: true, keepAlive: true }, (request, response) => {
  pass(request, response).catch(() => response.destroy())
})
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
process.on('disconnect', () => process.exit(0))
