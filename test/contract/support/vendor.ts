/**
 * A server of another vendor's wire that replays its samples: the model's name says which one (`text`, `thinking` …).
 * Never translates anything; what it takes and gives is exactly what the files hold.
 */
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface VendorCall {
  path: string
  headers: IncomingHttpHeaders
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever went over the wire.
  json: any
  /** How the exchange ended; absent while it is open. */
  finished?: 'complete' | 'aborted'
}

export interface Vendor {
  url: string
  calls: VendorCall[]
  close(): Promise<void>
}

const STATUS: Readonly<Record<string, number>> = {
  'error-overloaded': 529,
  'error-invalid-request': 400,
  'error-invalid-argument': 400,
  'error-unavailable': 503,
}

function sample(vendor: string, name: string): Buffer | null {
  const url = new URL(`../../fixtures/${vendor}/${name}`, import.meta.url)
  return existsSync(url) ? readFileSync(url) : null
}

/** `text`, `text~3` (in pieces of 3 bytes), `text^200` (cut after 200 bytes), `text!120` (stalls after 120 bytes). */
function readName(model: string): { name: string; piece: number; cut: number; stall: number } {
  const [, name = '', kind, count] = /^([a-z-]+)(?:([~^!])(\d+))?$/.exec(model) ?? []
  const number = Number(count ?? Number.NaN)
  const pick = (wanted: string) => (kind === wanted ? number : Number.POSITIVE_INFINITY)
  return { name, piece: pick('~'), cut: pick('^'), stall: pick('!') }
}

async function replay(response: ServerResponse, bytes: Buffer, model: string): Promise<void> {
  const { piece, cut, stall } = readName(model)
  const whole = bytes.subarray(0, Math.min(cut, stall))
  for (let at = 0; at < whole.length; at += piece) {
    response.write(whole.subarray(at, Math.min(whole.length, at + piece)))
    if (piece < whole.length) await new Promise((resolve) => setImmediate(resolve))
  }
  if (stall === Number.POSITIVE_INFINITY) response.end()
}

export async function startVendor(vendor: 'anthropic' | 'gemini'): Promise<Vendor> {
  const calls: VendorCall[] = []
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const text = Buffer.concat(parts).toString()
    const path = decodeURIComponent(request.url ?? '')
    const json = text === '' ? null : JSON.parse(text)
    const call: VendorCall = { path, headers: request.headers, json }
    calls.push(call)
    response.on('close', () => {
      call.finished = response.writableFinished ? 'complete' : 'aborted'
    })
    if (request.method === 'GET') return void response.end(sample(vendor, 'models.json'))
    const [, fromPath = '', verb = ''] = /\/models\/([^:?]+):(\w+)/.exec(path) ?? []
    const model: string = vendor === 'anthropic' ? json.model : fromPath
    const streams = vendor === 'anthropic' ? json.stream === true : verb === 'streamGenerateContent'
    const file = verb === 'batchEmbedContents' ? 'batch-embed' : readName(model).name
    const status = STATUS[file]
    const bytes = sample(vendor, `${file}.${streams && status === undefined ? 'sse' : 'json'}`)
    if (bytes === null) return void response.writeHead(500).end(`no sample ${file}`)
    const type = streams && status === undefined ? 'text/event-stream' : 'application/json'
    response.writeHead(status ?? 200, { 'content-type': type, 'request-id': `${vendor}-request-1` })
    await replay(response, bytes, model)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
