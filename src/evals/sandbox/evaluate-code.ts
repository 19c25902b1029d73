/**
 * Runs code in QuickJS: a JavaScript engine as WebAssembly, which has no file, no network, no process and no timer. Each run
 * has an instance of its own, so nothing is left to the next one.
 */

import release from '@jitl/quickjs-wasmfile-release-sync'
import {
  newQuickJSWASMModuleFromVariant,
  newVariant,
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSRuntime,
  type QuickJSSyncVariant,
} from 'quickjs-emscripten-core'
import { DRIVER } from './driver.ts'
import type { CodeOrder, Evaluated } from './protocol.ts'

/** Its types describe the package's CommonJS, in which this is a member. */
const variant = release as unknown as QuickJSSyncVariant
const PAGE_BYTES = 64 * 1024
/** What the engine may allocate; beyond it the code gets an error. */
const HEAP_BYTES = 64 * 1024 * 1024
/** What all of the instance may grow to; the smallest that it starts with is 16 MiB. */
const MEMORY_PAGES = { initial: 256, maximum: (96 * 1024 * 1024) / PAGE_BYTES }
/** Some thousand calls within calls. */
const STACK_BYTES = 256 * 1024
/** Steps of promises between two looks at the clock. */
const JOBS_AT_ONCE = 1_000
const MAX_REASON_CHARS = 1_000

export type Limits = {
  computeMs: number
  /** Computing time of this thread so far, in milliseconds: a busy machine makes no code slow. */
  usedMs: () => number
}

/** Never throws. `compiled` is the engine. */
export async function evaluateCode(
  compiled: WebAssembly.Module,
  order: CodeOrder,
  { computeMs, usedMs }: Limits,
): Promise<Evaluated> {
  const until = usedMs() + computeMs
  const isLate = () => usedMs() > until
  try {
    const wasmMemory = new WebAssembly.Memory(MEMORY_PAGES)
    const engine = await newQuickJSWASMModuleFromVariant(
      newVariant(variant, { wasmModule: compiled, wasmMemory }),
    )
    const runtime = engine.newRuntime()
    runtime.setMemoryLimit(HEAP_BYTES)
    runtime.setMaxStackSize(STACK_BYTES)
    runtime.setInterruptHandler(isLate)
    // Nothing is given back piece by piece: the whole instance goes.
    const told = run(runtime, runtime.newContext(), order, isLate)
    return isLate() ? failed(tooLate(computeMs)) : told
  } catch (error) {
    // The engine itself gave up, and its instance with it.
    if (isLate()) return failed(tooLate(computeMs))
    return failed(`The engine stopped: ${error instanceof Error ? error.message : 'unknown'}.`)
  }
}

function run(
  runtime: QuickJSRuntime,
  context: QuickJSContext,
  order: CodeOrder,
  isLate: () => boolean,
): Evaluated {
  const driver = context.evalCode(DRIVER, 'aval.js', { type: 'global' })
  if (driver.error) return failed('The engine did not start.')
  let file: QuickJSHandle = context.undefined
  if (order.form === 'module') {
    const loaded = context.evalCode(order.code, 'assertion.mjs', { type: 'module' })
    if (loaded.error) return failed(`The file cannot be loaded: ${described(context, loaded.error)}`)
    file = loaded.value
  }
  const called = context.callFunction(
    driver.value,
    context.undefined,
    context.newString(JSON.stringify(order)),
    file,
  )
  if (called.error) return failed(outOfMemory())
  while (runtime.hasPendingJob() && !isLate()) {
    const ran = runtime.executePendingJobs(JOBS_AT_ONCE)
    if (ran.error) break
  }
  const state = context.getPromiseState(called.value)
  if (state.type === 'pending')
    return failed('Its promise never settles. Nothing here waits: there are no timers.')
  if (state.type === 'rejected') return failed(outOfMemory())
  return reported(context.typeof(state.value) === 'string' ? context.getString(state.value) : '')
}

/** The driver's words, of which nothing is believed: they were made beside the code. */
function reported(text: string): Evaluated {
  let told: unknown
  try {
    told = JSON.parse(text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  const [kind, ...values] = Array.isArray(told) ? (told as unknown[]) : []
  const [first, second, third] = values
  if (kind === 'boolean' && typeof first === 'boolean') return { kind: 'returned', value: first }
  if (kind === 'number' && typeof first === 'string') {
    const value = Number(first)
    return Number.isFinite(value)
      ? { kind: 'returned', value }
      : failed(`It gives ${clipped(first)}, which is no finite number.`)
  }
  if (
    kind === 'graded' &&
    typeof first === 'boolean' &&
    typeof second === 'string' &&
    typeof third === 'string'
  ) {
    const score = Number(second)
    if (!Number.isFinite(score)) return failed(`Its score is ${clipped(second)}, which is no finite number.`)
    return { kind: 'returned', value: { pass: first, score, reason: clipped(third) } }
  }
  if (kind === 'thrown' && typeof first === 'string') return failed(`It throws ${clipped(first)}`)
  if (kind === 'other' && typeof first === 'string') {
    return failed(
      `It gives ${clipped(first)}, where a boolean, a number or {pass, score, reason} is expected.`,
    )
  }
  return failed('It leaves nothing that can be read.')
}

function described(context: QuickJSContext, error: QuickJSHandle): string {
  const message = context.getProp(error, 'message')
  return clipped(context.typeof(message) === 'string' ? context.getString(message) : 'no reason is given')
}

function clipped(text: string): string {
  return text.slice(0, MAX_REASON_CHARS).toWellFormed()
}

function failed(reason: string): Evaluated {
  return { kind: 'failed', reason }
}

function tooLate(computeMs: number): string {
  return `It takes more than ${computeMs} ms of computing time.`
}

function outOfMemory(): string {
  return `It needs more than ${HEAP_BYTES / (1024 * 1024)} MiB of memory, or calls itself too deeply.`
}
