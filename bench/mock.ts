/**
 * The upstream of the benchmark, a process of its own: raw sockets, fixed answers, as little CPU as possible.
 * Never parses JSON; the model's name in the body says which of the answers is wanted.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { MessageReader } from './http-reader.ts'

const STREAM_CHUNKS = 64
const PACE_MS = 1

const jsonBody = JSON.stringify({
  id: 'chatcmpl-bench',
  object: 'chat.completion',
  created: 1_700_000_000,
  model: 'bench-json',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: 'The benchmark answers with this one sentence.', refusal: null },
      finish_reason: 'stop',
    },
  ],
  usage: { prompt_tokens: 420, completion_tokens: 9, total_tokens: 429 },
})
const jsonAnswer = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: up-bench\r\ncontent-length: ${Buffer.byteLength(jsonBody)}\r\n\r\n${jsonBody}`,
)
const streamHead =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\nx-request-id: up-bench\r\ntransfer-encoding: chunked\r\n\r\n'
const chunkHead =
  '{"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"bench","system_fingerprint":"fp_bench",'

const framed = (event: string) => `${event.length.toString(16)}\r\n${event}\r\n`

/** The clock all processes of one machine share (CLOCK_MONOTONIC), in whole microseconds. */
function nowUs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e6 + Math.floor(nanoseconds / 1e3)
}

/** Each chunk says when it left, as `@<µs>`; the load generator subtracts. */
function contentChunk(): string {
  return framed(
    `data: ${chunkHead}"choices":[{"index":0,"delta":{"content":"@${nowUs()} "},"finish_reason":null}]}\n\n`,
  )
}

function lastChunks(body: string): string {
  const finish = framed(`data: ${chunkHead}"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n`)
  const usage = '"usage":{"prompt_tokens":420,"completion_tokens":64,"total_tokens":484}'
  const usageChunk = body.includes('"include_usage":true')
    ? framed(`data: ${chunkHead}"choices":[],${usage}}\n\n`)
    : ''
  return `${finish}${usageChunk}${framed('data: [DONE]\n\n')}0\r\n\r\n`
}

function stream(socket: Socket, body: string): void {
  const isPaced = body.includes('bench-paced')
  socket.write(streamHead + contentChunk())
  let sent = 1
  const next = () => {
    if (socket.destroyed) return
    if (sent === STREAM_CHUNKS) return void socket.write(lastChunks(body))
    socket.write(contentChunk())
    sent += 1
    if (isPaced) setTimeout(next, PACE_MS)
    else setImmediate(next)
  }
  if (isPaced) setTimeout(next, PACE_MS)
  else setImmediate(next)
}

const server = createServer({ noDelay: true }, (socket) => {
  let parts: Buffer[] = []
  const reader = new MessageReader({
    head: () => {
      parts = []
    },
    body: (bytes) => void parts.push(bytes),
    end: () => {
      const body = (parts.length === 1 ? parts[0] : Buffer.concat(parts))?.toString('latin1') ?? ''
      if (body.includes('"stream":true')) stream(socket, body)
      else socket.write(jsonAnswer)
    },
  })
  socket.on('data', (bytes: Buffer) => reader.push(bytes))
  socket.on('error', () => socket.destroy())
})

server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
process.on('disconnect', () => process.exit(0))
