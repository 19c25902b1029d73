/** The thread around a page reader: spans in, their pages out. */

import { parentPort, workerData } from 'node:worker_threads'
import { openPool } from '../../db/pool.ts'
import { type PageFacts, PageReader } from './page.ts'
import type { Span } from './source.ts'

export type PageThreadSetup = { databaseUrl: string }
export type PageCommand = { span: Span; withBodies: boolean }
export type PageReport = PageFacts[]

function runThread({ databaseUrl }: PageThreadSetup): void {
  const { sql, embedded } = openPool(databaseUrl, { maxConnections: 1, applicationName: 'aval audit' })
  const reader = new PageReader(sql, embedded)
  let last: Promise<void> = Promise.resolve()
  // A failure ends the thread, and with it everything that was asked.
  parentPort?.on('message', ({ span, withBodies }: PageCommand) => {
    last = last.then(async () => {
      const pages: PageReport = []
      for await (const page of reader.read(span, withBodies)) pages.push(page)
      report(pages)
    })
  })
}

function report(pages: PageReport): void {
  parentPort?.postMessage(
    pages,
    pages.map(({ leaves }) => leaves.buffer),
  )
}

runThread(workerData as PageThreadSetup)
