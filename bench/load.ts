/**
 * The load generator, a process of its own: a closed loop of keep-alive connections on raw sockets.
 * Never counts an answer it has not checked: status 200, the mock's text, a complete body, `[DONE]` for streams.
 */
import { connect, type Socket } from 'node:net'
import { type Histogram, newHistogram, record } from './histogram.ts'
import { MessageReader } from './http-reader.ts'

export interface LoadSpec {
  port: number
  token: string
  /** Sent beside the usual ones. */
  headers?: Readonly<Record<string, string>>
  model: string
  stream: boolean
  concurrency: number
  /** Stop issuing after this time, or after `requests`; what is in flight is waited for. */
  seconds: number
  requests?: number
  /** Send head and body of a request as two packets, which is what shows Nagle against delayed ACK. */
  splitRequest?: boolean
}

export interface LoadResult {
  completed: number
  failed: number
  firstFailure: string | null
  elapsedSeconds: number
  /** From the request's first byte to the answer's last, µs. */
  latency: Histogram
  /** To the first byte of a stream's body, µs. */
  firstByte: Histogram
  /** From the mock's write of a chunk to its arrival here, µs. */
  perChunk: Histogram
}

/** A connection that gets no answer for this long counts as failed; the run goes on. */
const ANSWER_LIMIT_MS = 10_000
const FILLER =
  'Answer from the handbook only, cite the paragraph, and say so when it does not hold the answer. '.repeat(
    18,
  )

function nowUs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e6 + nanoseconds / 1e3
}

function requestParts(spec: LoadSpec): { head: Buffer; body: Buffer } {
  const body = Buffer.from(
    JSON.stringify({
      model: spec.model,
      messages: [
        { role: 'system', content: FILLER },
        { role: 'user', content: 'May shoes that were worn outside be returned within thirty days?' },
      ],
      temperature: 0,
      max_tokens: 256,
      ...(spec.stream ? { stream: true } : {}),
    }),
  )
  const head = [
    'POST /v1/chat/completions HTTP/1.1',
    `host: 127.0.0.1:${spec.port}`,
    `authorization: Bearer ${spec.token}`,
    'content-type: application/json',
    'accept: application/json',
    'user-agent: aval-bench',
    ...Object.entries(spec.headers ?? {}).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${body.length}`,
  ].join('\r\n')
  return { head: Buffer.from(`${head}\r\n\r\n`), body }
}

interface Run {
  spec: LoadSpec
  head: Buffer
  body: Buffer
  result: LoadResult
  issued: number
  endsAtUs: number
}

function mayIssue(run: Run): boolean {
  if (run.issued >= (run.spec.requests ?? Number.POSITIVE_INFINITY) || nowUs() >= run.endsAtUs) return false
  run.issued += 1
  return true
}

function fail(run: Run, why: string): void {
  run.result.failed += 1
  run.result.firstFailure ??= why
}

/** One connection: asks, checks, asks again. Resolves when the run is over or the connection broke. */
function loop(run: Run): Promise<void> {
  return new Promise((resolve) => {
    let startedUs = 0
    let isAsking = false
    let status = ''
    let tail = ''
    let isFirst = true
    const socket: Socket = connect({ host: '127.0.0.1', port: run.spec.port, noDelay: true })
    const ask = () => {
      if (!mayIssue(run)) return void socket.end()
      isAsking = true
      isFirst = true
      tail = ''
      startedUs = nowUs()
      if (run.spec.splitRequest) {
        socket.write(run.head)
        setImmediate(() => socket.write(run.body))
      } else {
        socket.cork()
        socket.write(run.head)
        socket.write(run.body)
        socket.uncork()
      }
    }
    const reader = new MessageReader({
      head: (head) => {
        status = head.slice(9, 12)
      },
      body: (bytes) => {
        const arrivedUs = nowUs()
        if (isFirst) record(run.result.firstByte, arrivedUs - startedUs)
        isFirst = false
        const text = bytes.toString('latin1')
        if (run.spec.stream) {
          for (const match of text.matchAll(/@(\d+) /g))
            record(run.result.perChunk, arrivedUs - Number(match[1]))
        }
        tail = text.length >= 400 ? text : (tail + text).slice(-400)
      },
      end: () => {
        isAsking = false
        const isWhole = run.spec.stream
          ? tail.endsWith('data: [DONE]\n\n')
          : tail.includes('this one sentence')
        if (status === '200' && isWhole) {
          run.result.completed += 1
          record(run.result.latency, nowUs() - startedUs)
        } else fail(run, `status ${status}: ${tail.slice(0, 300)}`)
        ask()
      },
    })
    socket.on('connect', ask)
    socket.setTimeout(ANSWER_LIMIT_MS, () => socket.destroy(new Error(`no answer for ${ANSWER_LIMIT_MS} ms`)))
    socket.on('data', (bytes: Buffer) => reader.push(bytes))
    socket.on('error', (cause) => {
      if (!isAsking) fail(run, cause.message)
    })
    socket.on('close', () => {
      if (isAsking) fail(run, 'the connection closed before the answer was whole')
      resolve()
    })
  })
}

async function runLoad(spec: LoadSpec): Promise<LoadResult> {
  const result: LoadResult = {
    completed: 0,
    failed: 0,
    firstFailure: null,
    elapsedSeconds: 0,
    latency: newHistogram(),
    firstByte: newHistogram(),
    perChunk: newHistogram(),
  }
  const startedUs = nowUs()
  const run: Run = {
    spec,
    ...requestParts(spec),
    result,
    issued: 0,
    endsAtUs: startedUs + spec.seconds * 1e6,
  }
  await Promise.all(Array.from({ length: spec.concurrency }, () => loop(run)))
  result.elapsedSeconds = (nowUs() - startedUs) / 1e6
  return result
}

process.on('message', (spec: LoadSpec) => {
  runLoad(spec).then(
    (result) => process.send?.(result),
    (cause: unknown) => {
      console.error('load generator failed', cause)
      process.exit(1)
    },
  )
})
process.on('disconnect', () => process.exit(0))
