/** The thread that code of suites runs in, one order after another, inside the process that `sandbox-child.ts` is. */

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parentPort } from 'node:worker_threads'
import { evaluateCode } from './evaluate-code.ts'
import type { SandboxReport, SandboxRequest } from './protocol.ts'

const ENGINE = fileURLToPath(import.meta.resolve('@jitl/quickjs-wasmfile-release-sync/wasm'))

const compiled = new WebAssembly.Module(readFileSync(ENGINE))
const report = (message: SandboxReport) => parentPort?.postMessage(message)

parentPort?.on('message', async ({ id, order, computeMs }: SandboxRequest) => {
  const evaluated = await evaluateCode(compiled, order, { computeMs, usedMs })
  report({ kind: 'evaluated', id, evaluated })
})
report({ kind: 'ready' })

/** Of this thread alone. */
function usedMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
