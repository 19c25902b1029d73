/** Entry of a worker thread: loads one model from its folder and does one job at a time. Never opens a connection. */

import { parentPort, workerData } from 'node:worker_threads'
import { env, LogLevel } from '@huggingface/transformers'
import { loadEncoder } from './encoder.ts'
import { loadGenerator } from './generator.ts'
import {
  type FromWorker,
  type Job,
  JobCancelled,
  JobMistake,
  type JobResult,
  type LocalModel,
  type ToWorker,
  type WorkerStart,
} from './protocol.ts'

export type EmitText = (text: string) => void
type RunJob = (job: Job, cancel: Int32Array, emitText: EmitText) => Promise<JobResult>

const { model, threads } = workerData as WorkerStart

env.allowRemoteModels = false
env.allowLocalModels = true
env.logLevel = LogLevel.ERROR

function say(message: FromWorker): void {
  parentPort?.postMessage(message)
}

async function load(served: LocalModel): Promise<RunJob> {
  return served.task === 'generation' ? loadGenerator(served, threads) : loadEncoder(served, threads)
}

async function handle(run: RunJob, { id, job, cancel }: ToWorker): Promise<void> {
  try {
    const result = await run(job, new Int32Array(cancel), (text) => say({ type: 'text', id, text }))
    say({ type: 'done', id, result })
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const mistake = error instanceof JobMistake ? error : null
    // A cancelled job answers too, so that the pool knows the thread is free.
    const said = error instanceof JobCancelled ? 'cancelled' : message
    say({ type: 'failed', id, message: said, code: mistake?.code ?? null, param: mistake?.param ?? null })
  }
}

try {
  const run = await load(model)
  parentPort?.on('message', (message: ToWorker) => void handle(run, message))
  say({ type: 'ready' })
} catch (error) {
  say({ type: 'load_failed', message: error instanceof Error ? error.message : String(error) })
}
