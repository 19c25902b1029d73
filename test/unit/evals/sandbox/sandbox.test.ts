import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test, vi } from 'vitest'
import type { CodeOrder } from '../../../../src/evals/sandbox/protocol.ts'
import { openSandbox } from '../../../../src/evals/sandbox/sandbox.ts'

const { signal } = new AbortController()
const pids: number[] = []
const sandbox = openSandbox({ computeMs: 150, killAfterMs: 1_500, onProcess: (pid) => pids.push(pid) })
afterAll(() => sandbox.close())

const ORDER: Omit<CodeOrder, 'code'> = {
  form: 'body',
  exported: null,
  output: 'an answer',
  context: { vars: { word: 'an' } },
  unknown: ['trace'],
}
const run = (code: string, more: Partial<CodeOrder> = {}) =>
  sandbox.evaluate({ ...ORDER, ...more, code }, signal)
const file = (code: string, form: 'commonjs' | 'module', exported: string | null = null) =>
  run(code, { form, exported })

/** A process that ended and that nobody has asked after yet still has its number. */
const isRunning = (pid: number) =>
  existsSync(`/proc/${pid}/stat`) && !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))

describe('code', () => {
  test.each<[string, unknown]>([
    ['return output.includes(context.vars.word)', true],
    ['return output.length / 10', 0.9],
    ['return eval("const size = output.length; size > 3")', true],
    [
      'return { pass: true, score: 0.5, reason: "so", componentResults: [] }',
      { pass: true, score: 0.5, reason: 'so' },
    ],
    ['return { pass: false, score: 0 }', { pass: false, score: 0, reason: '' }],
    ['console.log(output); return Promise.resolve(false)', false],
    ['return { then: (settle) => settle(true) }', true],
  ])('%j gives %j', async (code, value) => {
    expect(await run(code)).toEqual({ kind: 'returned', value })
  })

  test.each([
    ['module.exports = (output) => output.length', 'commonjs', null, 9],
    ['exports.long = async (output) => output.length > 3', 'commonjs', 'long', true],
    ['export default (output, { vars }) => output.startsWith(vars.word)', 'module', null, true],
    ['export const none = () => false', 'module', 'none', false],
  ] as const)('%j is a file whose function is called', async (code, form, exported, value) => {
    expect(await file(code, form, exported)).toEqual({ kind: 'returned', value })
  })

  test.each([
    ['const fs = require("node:fs"); module.exports = () => true', 'commonjs', /other modules/],
    ['import fs from "node:fs"; export default () => true', 'module', /could not load module/],
    ['export default () => import("node:fs")', 'module', /could not load module/],
    ['module.exports = 5', 'commonjs', /exports no function/],
  ] as const)('%j loads nothing', async (code, form, reason) => {
    expect(await file(code, form)).toEqual({ kind: 'failed', reason: expect.stringMatching(reason) })
  })
})

describe('no score is', () => {
  test.each([
    ['NaN', 'return NaN', /NaN/],
    ['Infinity', 'return { pass: true, score: 1 / 0 }', /Infinity/],
    ['nothing', 'true', /gives undefined/],
    ['null', 'return null', /gives null/],
    ['a text', 'return "true"', /gives string/],
    ['a pass that is none', 'return { pass: 1, score: 1 }', /pass is number/],
    ['what throws', 'throw new RangeError("far")', /throws RangeError: far/],
    ['what is no code', 'return (', /SyntaxError/],
    ['an endless loop', 'for (;;);', /computing time/],
    ['an endless chain of promises', 'return (async () => { for (;;) await 0 })()', /computing time/],
    ['a promise that never settles', 'return new Promise(() => 0)', /never settles/],
    ['a pattern that backtracks', 'return /(a+)+$/.test("a".repeat(40) + "!")', /computing time/],
    ['a memory bomb', 'return new Uint8Array(2 ** 28).length > 0', /out of memory/],
    ['a large text', 'return "x".repeat(2_000_000)', /gives string/],
    ['deep recursion', 'const f = () => f() + 1; return f()', /stack overflow/],
    ['a getter that throws', 'return { pass: true, get score() { throw 7 } }', /throws 7/],
    ['a proxy that never answers', 'return new Proxy({}, { get() { for (;;); } })', /computing time/],
    ['an error without words', 'throw { get name() { throw 1 }, toString() { throw 2 } }', /without words/],
    ['what is not known', 'return context.trace === undefined', /context\.trace is not known/],
    [
      'a forged report',
      'JSON.stringify = () => "[]"; Array.prototype.toJSON = () => ["boolean", true]; return {}',
      /pass is undefined/,
    ],
  ])('%s', async (_, code, reason) => {
    expect(await run(code)).toEqual({ kind: 'failed', reason: expect.stringMatching(reason) })
  })

  test.each([
    'return output.constructor.constructor("return process")()',
    'return this.constructor.constructor("return require")()',
    'return typeof process + typeof require + typeof fetch + typeof setTimeout + typeof WebAssembly + typeof Worker === "undefined".repeat(6) ? 0.25 : 1',
  ])('found outside of the language: %s', async (code) => {
    expect(await run(code)).toEqual(
      expect.objectContaining(
        code.includes('0.25')
          ? { value: 0.25 }
          : {
              kind: 'failed',
              reason: expect.stringMatching(/is not defined|cannot read property|not a function/),
            },
      ),
    )
  })

  test('longer than what is kept of a reason', async () => {
    expect(await run('return { pass: true, score: 1, reason: "r".repeat(1e6) }')).toEqual({
      kind: 'returned',
      value: { pass: true, score: 1, reason: 'r'.repeat(1_000) },
    })
  })

  test('an order that is too large', async () => {
    expect(await run('return true', { output: 'x'.repeat(9_000_000) })).toMatchObject({
      reason: expect.stringMatching(/more than \d+ characters/),
    })
  })
})

describe('the process', () => {
  test('shows the next order nothing of the one before', async () => {
    await run(
      'Object.prototype.pass = true; Array.prototype.includes = () => true; globalThis.seen = 1; return true',
    )

    expect(await run('return { score: 1 }')).toMatchObject({
      reason: expect.stringMatching(/pass is undefined/),
    })
    expect(await run('return [].includes(1) || "seen" in globalThis')).toMatchObject({ value: false })
  })

  test('has no environment, and may read next to nothing', async () => {
    await run('return true')
    const [pid = 0] = pids.slice(-1)

    const names = readFileSync(`/proc/${pid}/environ`, 'utf8')
      .split('\0')
      .filter((one) => one !== '')
    expect(names.every((one) => one.startsWith('NODE_CHANNEL_'))).toBe(true)
    expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')).toContain('--permission')
  })

  test('is killed when the engine cannot interrupt it, and the next order gets another one', async () => {
    const before = pids.length
    const [endless, next] = await Promise.all([
      run('return [].indexOf.call({ length: 2 ** 53 - 1 }, 1)'),
      run('return true'),
    ])

    expect(endless).toEqual({ kind: 'failed', reason: 'It was killed after 1500 ms.' })
    expect(next).toEqual({ kind: 'returned', value: true })
    expect(pids).toHaveLength(before + 1)
  })

  test('takes one order along when it is killed from outside', async () => {
    await run('return true')
    const orders = [run('for (;;);'), run('return true')]
    process.kill(pids.at(-1) ?? 0, 'SIGKILL')

    expect(await Promise.all(orders)).toEqual([
      { kind: 'failed', reason: 'The sandbox ended while it ran.' },
      { kind: 'returned', value: true },
    ])
  })

  test('runs no order that was given up while it waited', async () => {
    const stop = new AbortController()
    const orders = [run('return true'), sandbox.evaluate({ ...ORDER, code: 'return true' }, stop.signal)]
    stop.abort()

    expect(await Promise.all(orders)).toMatchObject([{ value: true }, { kind: 'failed' }])
  })

  test('has a bounded queue', async () => {
    const own = openSandbox()
    const orders = Array.from({ length: 1_001 }, () =>
      own.evaluate({ ...ORDER, code: 'return true' }, signal),
    )

    expect(await orders.at(-1)).toMatchObject({
      reason: expect.stringMatching(/^1000 evaluations already wait/),
    })
    await own.close()
    expect(await orders[0]).toMatchObject({ reason: 'The sandbox was closed.' })
  })

  test('ends with the sandbox, whatever it does', async () => {
    const started: number[] = []
    const own = openSandbox({ computeMs: 60_000, onProcess: (pid) => started.push(pid) })
    await own.evaluate({ ...ORDER, code: 'return true' }, signal)
    const orders = ['for (;;);', 'return true'].map((code) => own.evaluate({ ...ORDER, code }, signal))
    await own.close()

    expect(await Promise.all(orders)).toMatchObject([{ kind: 'failed' }, { kind: 'failed' }])
    expect(started.map(isRunning)).toEqual([false])
    expect(await own.evaluate({ ...ORDER, code: 'return true' }, signal)).toMatchObject({ kind: 'failed' })
  })

  test('ends when its parent is killed', async () => {
    const program = fileURLToPath(new URL('../../../support/programs/sandbox.ts', import.meta.url))
    const parent: ChildProcess = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'ignore'] })
    const [line] = (await once(parent.stdout ?? parent, 'data')) as [Buffer]
    const pid = Number(line.toString())
    expect(isRunning(pid)).toBe(true)
    parent.kill('SIGKILL')

    await vi.waitFor(() => expect(isRunning(pid)).toBe(false), { timeout: 10_000 })
  })
})
