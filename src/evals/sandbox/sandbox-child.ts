/**
 * The process that code of suites runs in. It runs none itself, so that it hears at once when its parent is gone, and ends,
 * however its thread is busy.
 */

import { Worker } from 'node:worker_threads'
import type { SandboxReport, SandboxRequest } from './protocol.ts'

const HEAP = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 16 }

const thread = new Worker(new URL('./evaluate-thread.ts', import.meta.url), {
  env: {},
  stdout: true,
  stderr: true,
  resourceLimits: HEAP,
})
thread.stdout.resume()
thread.stderr.resume()
thread.on('message', (report: SandboxReport) => process.send?.(report))
thread.on('error', end)
thread.on('exit', end)
process.on('message', (request: SandboxRequest) => thread.postMessage(request))
process.on('disconnect', end)
// Ctrl-C reaches every process of a terminal: when this one ends is for its parent to say.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined)

/** At once: an orderly end would wait for the thread. */
function end(): void {
  process.kill(process.pid, 'SIGKILL')
}
