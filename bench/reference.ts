/**
 * What Aval is measured against: the least a Node process can do between a client and an upstream.
 * node:http in, an undici keep-alive pool out (its `dispatch`, a fifth cheaper than `stream` or `request`), bytes passed
 * as they are with backpressure, a client that leaves aborts its call; no auth, no log, no parsing.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Dispatcher, Pool } from 'undici'

const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'host', 'expect', 'upgrade'])

const pool = new Pool(process.argv[2] ?? '', { connections: 128, pipelining: 1 })

function passedHeaders(headers: IncomingMessage['headers']): Record<string, string | string[]> {
  const passed: Record<string, string | string[]> = {}
  for (const name in headers) {
    const value = headers[name]
    if (value !== undefined && !HOP_BY_HOP.has(name)) passed[name] = value
  }
  return passed
}

/** Writes what the upstream sends straight into the client's response. */
class Relay implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse

  constructor(response: ServerResponse) {
    this.#response = response
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#response.on('close', () => {
      if (!this.#response.writableFinished) controller.abort(new Error('The client has gone.'))
    })
  }

  onResponseStart(
    _: Dispatcher.DispatchController,
    status: number,
    headers: IncomingMessage['headers'],
  ): void {
    this.#response.writeHead(status, passedHeaders(headers))
  }

  onResponseData(controller: Dispatcher.DispatchController, bytes: Buffer): void {
    if (this.#response.write(bytes)) return
    controller.pause()
    this.#response.once('drain', () => controller.resume())
  }

  onResponseEnd(): void {
    this.#response.end()
  }

  onResponseError(): void {
    this.#response.destroy()
  }
}

const server = createServer({ noDelay: true, keepAlive: true }, (request, response) => {
  const headers = passedHeaders(request.headers)
  pool.dispatch({ path: request.url ?? '/', method: 'POST', headers, body: request }, new Relay(response))
})
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
process.on('disconnect', () => process.exit(0))
