/** `GET /metrics` for Prometheus: with a key on the gateway's own address, or without one on an address of its own. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Hono } from 'hono'
import { RequestError } from '../errors.ts'
import { DEFAULT_PROJECT, projectIdOf } from '../keys/project.ts'
import { type ApiEnv, type Authenticator, demandRole, requireKey } from './auth.ts'

/** The text format that Prometheus has read since 2014. https://prometheus.io/docs/instrumenting/exposition_formats/ */
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'
const HEAD_TIMEOUT_MS = 5000
const MAX_CONNECTIONS = 32

/** Figures of all projects stand beside each other, so only an auditor or an admin of the first project may read them. */
export function metricsRoute(keyring: Authenticator, scrape: () => Promise<string>) {
  return new Hono<ApiEnv>().get('/metrics', requireKey(keyring), async (context) => {
    const { key } = context.var
    demandRole(key, ['auditor', 'admin'], 'GET /metrics')
    if (key.projectId !== projectIdOf(DEFAULT_PROJECT)) {
      const message = `GET /metrics shows all projects; key ${key.id} is of ${key.projectId}. Use a key of the project ${DEFAULT_PROJECT}.`
      throw new RequestError('permission_denied', message)
    }
    return context.text(await scrape(), 200, { 'content-type': CONTENT_TYPE })
  })
}

export type MetricsServer = { url: string; close(): Promise<void> }

/** Answers `GET /metrics` to whoever reaches the address, and nothing else. Rejects with the system's error. */
export async function listenMetrics(
  address: { host: string; port: number },
  scrape: () => Promise<string>,
): Promise<MetricsServer> {
  const server = createServer({ headersTimeout: HEAD_TIMEOUT_MS, requestTimeout: HEAD_TIMEOUT_MS })
  server.maxConnections = MAX_CONNECTIONS
  server.on('request', (incoming, outgoing) => {
    const isScrape = incoming.method === 'GET' && /^\/metrics(\?|$)/.test(incoming.url ?? '')
    if (!isScrape) return void outgoing.writeHead(404).end('GET /metrics is all there is here.\n')
    scrape().then(
      (text) => outgoing.writeHead(200, { 'content-type': CONTENT_TYPE }).end(text),
      // Prometheus shows it as a target that is down.
      () => outgoing.writeHead(500).end('The metrics could not be read.\n'),
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(address.port, address.host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const { port } = server.address() as AddressInfo
  const host = address.host.includes(':') ? `[${address.host}]` : address.host
  return {
    url: `http://${host}:${port}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
