/** Where a verification's pages come from: read one after the other here, or by several threads with a connection each. */

import { Worker } from 'node:worker_threads'
import type { Sql } from 'postgres'
import { compileCache } from '../../lib/compile-cache.ts'
import { type PageFacts, PageReader } from './page.ts'
import type { PageCommand, PageReport, PageThreadSetup } from './page-thread.ts'
import { type DayOfWriter, type Span, seqOfRow } from './source.ts'

export type Threads = {
  /** As `openPool` takes it: a thread opens a connection of its own. */
  databaseUrl: string
  count: number
  /** Below as many records they would not be worth their start. */
  fromRecords: number
  /** What a thread reads at a time. */
  spanRows: number
}

type DayToRead = DayOfWriter & { withBodies: boolean }
type Page = { day: DayOfWriter; facts: PageFacts }

export type PageSource = {
  /** Every page of these days, in order. Rejects with what the database or a thread says. */
  pages(days: readonly DayToRead[]): AsyncGenerator<Page>
  close(): Promise<void>
}

/** A second thread gains what the first leaves of the machine; past four the database is what is waited for. */
const MAX_THREADS = 4
const FROM_RECORDS = 20_000
const SPAN_ROWS = 4_000
/** Measured (bench/verify.ts): with 64 the processor has less of it at hand, and a tenth fewer records are read. */
const YOUNG_MB = 16
/** Spans that wait or are read, for each thread. */
const AHEAD = 2

/** For a machine of so many cores. */
export function threadsFor(databaseUrl: string, cores: number): Threads {
  return { databaseUrl, count: Math.min(cores, MAX_THREADS), fromRecords: FROM_RECORDS, spanRows: SPAN_ROWS }
}

export function readHere(sql: Sql): PageSource {
  const reader = new PageReader(sql, true)
  return {
    async *pages(days) {
      for (const { withBodies, ...day } of days) {
        const span = { ...day, afterSeq: null, upToSeq: null }
        for await (const facts of reader.read(span, withBodies)) yield { day, facts }
      }
    },
    close: async () => undefined,
  }
}

/** `sql` tells where spans end. Threads start with the first span. */
export function readInThreads(sql: Sql, { databaseUrl, count, spanRows }: Threads): PageSource {
  const threads = Array.from({ length: count }, () => new PageThread({ databaseUrl }))
  return {
    async *pages(days) {
      const coming: { day: DayOfWriter; pages: Promise<PageFacts[]> }[] = []
      let next = 0
      for await (const { span, withBodies } of spansOf(sql, days, spanRows)) {
        const thread = threads[next % threads.length]
        if (thread === undefined) throw new RangeError('A verification needs a thread.')
        next += 1
        const pages = thread.read(span, withBodies)
        // It is asked for in its turn; until then its failure is nobody's.
        pages.catch(() => undefined)
        coming.push({ day: span, pages })
        if (coming.length >= threads.length * AHEAD) yield* pagesOf(coming.shift())
      }
      while (coming.length > 0) yield* pagesOf(coming.shift())
    },
    async close() {
      await Promise.all(threads.map((thread) => thread.end()))
    },
  }
}

async function* pagesOf(one?: { day: DayOfWriter; pages: Promise<PageFacts[]> }): AsyncGenerator<Page> {
  if (one === undefined) return
  for (const facts of await one.pages) yield { day: one.day, facts }
}

/** Spans that hold every row whatever the database says of where they end: the first begins and the last ends nowhere. */
async function* spansOf(
  sql: Sql,
  days: readonly DayToRead[],
  rows: number,
): AsyncGenerator<{ span: Span; withBodies: boolean }> {
  for (const { withBodies, ...day } of days) {
    let afterSeq: string | null = null
    do {
      const upToSeq: string | null = await seqOfRow(sql, day, afterSeq, rows)
      yield { span: { ...day, afterSeq, upToSeq }, withBodies }
      afterSeq = upToSeq
    } while (afterSeq !== null)
  }
}

type Waiting = { resolve: (pages: PageFacts[]) => void; reject: (reason: Error) => void }

/** Answers come in the order of the questions. */
class PageThread {
  readonly #setup: PageThreadSetup
  readonly #waiting: Waiting[] = []
  #worker: Worker | null = null

  constructor(setup: PageThreadSetup) {
    this.#setup = setup
  }

  read(span: Span, withBodies: boolean): Promise<PageFacts[]> {
    this.#worker ??= this.#start()
    const command: PageCommand = { span, withBodies }
    this.#worker.postMessage(command)
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  async end(): Promise<void> {
    await this.#worker?.terminate()
  }

  #start(): Worker {
    const file = new URL('./page-thread.ts', import.meta.url)
    const worker = new Worker(file, {
      workerData: this.#setup,
      env: compileCache(),
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    })
    worker.on('message', (pages: PageReport) => this.#waiting.shift()?.resolve(pages))
    worker.once('error', (error) => this.#fail(error))
    worker.once('exit', (code) => this.#fail(new Error(`A reading thread ended with exit code ${code}.`)))
    return worker
  }

  #fail(reason: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(reason)
  }
}
