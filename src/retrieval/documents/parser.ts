/**
 * Parses documents in a thread of their own, one after another. A document that takes too long or too much memory ends
 * with its thread and an error; the next one gets a fresh thread. Never parses on the calling thread.
 */

import { Worker } from 'node:worker_threads'
import { compileCache } from '../../lib/compile-cache.ts'
import { DocumentError } from './document-error.ts'
import type { DocumentInput } from './parse.ts'
import type { ParseOrder, ParseReport } from './parse-thread.ts'
import type { ParsedDocument } from './parsed-document.ts'

export type Parser = {
  /** As `parseDocuments`; also throws DocumentError `timeout`, and `too_large` when memory runs out. */
  parse(bytes: Buffer, about: DocumentInput): Promise<ParsedDocument[]>
  /** Ends the thread; documents that wait or are being parsed fail. */
  close(): Promise<void>
}

export type ParserSettings = {
  /** For one document, from when its turn comes. */
  timeLimitMs?: number
  /** For one document and what it becomes, the heap and the buffers of the thread together. */
  memoryMb?: number
}

const TIME_LIMIT_MS = 60_000
/** A CSV file of 60 MiB needs more than 512. */
const MEMORY_MB = 1024
/** Whoever asks for more at once has no bound of his own. */
const MAX_WAITING = 1000
/** V8 bounds the heap alone; what a PDF inflates lies beside it and has to be looked at. */
const WATCH_MS = 50
const YOUNG_GENERATION_MB = 64
const BYTES_PER_MB = 1024 * 1024

type Job = {
  order: ParseOrder
  resolve(documents: ParsedDocument[]): void
  reject(error: Error): void
}

export function createParser({
  timeLimitMs = TIME_LIMIT_MS,
  memoryMb = MEMORY_MB,
}: ParserSettings = {}): Parser {
  const thread = new ParserThread(timeLimitMs, memoryMb)
  return {
    parse(bytes, about) {
      // A copy that moves to the thread: the caller's bytes stay his.
      const copy = new Uint8Array(bytes)
      return new Promise((resolve, reject) => {
        thread.add({ order: { bytes: copy, about }, resolve, reject })
      })
    },
    close: () => thread.close(),
  }
}

class ParserThread {
  readonly #timeLimitMs: number
  readonly #memoryMb: number
  readonly #waiting: Job[] = []
  #worker: Worker | null = null
  #job: Job | null = null
  #timers: NodeJS.Timeout[] = []
  #closed = false

  constructor(timeLimitMs: number, memoryMb: number) {
    this.#timeLimitMs = timeLimitMs
    this.#memoryMb = memoryMb
  }

  add(job: Job): void {
    if (this.#closed) {
      job.reject(new Error('The parser is closed. Open another one.'))
    } else if (this.#waiting.length >= MAX_WAITING) {
      job.reject(new Error(`${MAX_WAITING} documents already wait for the parser. Await some of them first.`))
    } else {
      this.#waiting.push(job)
      this.#pump()
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    const worker = this.#worker
    const closed = new Error('The parser was closed.')
    this.#settle((job) => job.reject(closed))
    for (const job of this.#waiting.splice(0)) job.reject(closed)
    this.#worker = null
    await worker?.terminate()
  }

  #pump(): void {
    if (this.#job !== null || this.#closed) return
    const job = this.#waiting.shift()
    if (job === undefined) return
    const worker = this.#worker ?? this.#start()
    this.#job = job
    worker.ref()
    this.#timers = [
      setTimeout(() => this.#end(worker, timedOut(this.#timeLimitMs)), this.#timeLimitMs),
      setInterval(() => void this.#watch(worker, job), WATCH_MS),
    ]
    worker.postMessage(job.order, [job.order.bytes.buffer])
  }

  #start(): Worker {
    // What parses strangers' bytes needs none of the process's secrets, nor its output.
    const worker = new Worker(new URL('./parse-thread.ts', import.meta.url), {
      env: compileCache(),
      execArgv: [],
      stdout: true,
      stderr: true,
      resourceLimits: {
        maxOldGenerationSizeMb: this.#memoryMb,
        maxYoungGenerationSizeMb: Math.min(YOUNG_GENERATION_MB, this.#memoryMb),
      },
    })
    worker.stdout.resume()
    worker.stderr.resume()
    worker.on('message', (report: ParseReport) => {
      if (this.#worker === worker) this.#hear(worker, report)
    })
    worker.on('error', (error: Error & { code?: string }) => {
      this.#end(worker, error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? outOfMemory(this.#memoryMb) : fell(error))
    })
    worker.on('exit', (code) => this.#end(worker, fell(new Error(`exit code ${code}`))))
    this.#worker = worker
    return worker
  }

  #hear(worker: Worker, report: ParseReport): void {
    worker.unref()
    this.#settle((job) => {
      if (report.kind === 'parsed') job.resolve(report.documents)
      else job.reject(new DocumentError(report.reason, report.message))
    })
    this.#pump()
  }

  /** The document that is being parsed fails, and its thread with it. */
  #end(worker: Worker, error: DocumentError): void {
    if (this.#worker !== worker) return
    this.#worker = null
    void worker.terminate()
    this.#settle((job) => job.reject(error))
    this.#pump()
  }

  #settle(tell: (job: Job) => void): void {
    for (const timer of this.#timers.splice(0)) clearTimeout(timer)
    const job = this.#job
    this.#job = null
    if (job !== null) tell(job)
  }

  async #watch(worker: Worker, job: Job): Promise<void> {
    const used = await heldBytes(worker)
    if (this.#job === job && used > this.#memoryMb * BYTES_PER_MB)
      this.#end(worker, outOfMemory(this.#memoryMb))
  }
}

async function heldBytes(worker: Worker): Promise<number> {
  try {
    const { used_heap_size: heap, external_memory: outside } = await worker.getHeapStatistics()
    return heap + outside
  } catch {
    // The thread has ended meanwhile: what ended it is told by itself.
    return 0
  }
}

function timedOut(limitMs: number): DocumentError {
  return new DocumentError(
    'timeout',
    `The document took longer than ${limitMs / 1000} s to read. Split it, or save it as text.`,
  )
}

function outOfMemory(limitMb: number): DocumentError {
  return new DocumentError(
    'too_large',
    `The document needs more than ${limitMb} MB of memory to read. Split it, or save it as text.`,
  )
}

function fell(cause: Error): DocumentError {
  return new DocumentError(
    'broken',
    'The document ended the thread that read it. Save it again, or as text.',
    {
      cause,
    },
  )
}
