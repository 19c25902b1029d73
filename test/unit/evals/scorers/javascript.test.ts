import { describe, expect, test } from 'vitest'
import type { CodeOrder, Evaluated } from '../../../../src/evals/sandbox/protocol.ts'
import type { Sample } from '../../../../src/evals/scorers/scorer.ts'
import { judgeSample, NO_TOOLS } from '../../../support/judge-sample.ts'

/** Judges by what code is said to return, and keeps what was to be run. */
async function judge(settings: Record<string, unknown>, evaluated: Evaluated, sample: Partial<Sample> = {}) {
  const orders: CodeOrder[] = []
  const evaluate = async (order: CodeOrder) => {
    orders.push(order)
    return evaluated
  }
  const outcome = await judgeSample('javascript', settings, sample, { ...NO_TOOLS, evaluate })
  return { outcome, order: orders[0] }
}
const returned = (value: Extract<Evaluated, { kind: 'returned' }>['value']): Evaluated => ({
  kind: 'returned',
  value,
})

test.each([
  [true, undefined, 1, true],
  [false, undefined, 0, false],
  [0.4, undefined, 0.4, true],
  [0, undefined, 0, false],
  [0.4, 0.5, 0.4, false],
  [0.5, 0.5, 0.5, true],
  [23.1, 0.5, 1, true],
  [23.1, 30, 1, false],
  [-2, undefined, 0, false],
  [{ pass: true, score: 0.2, reason: 'So.' }, 0.5, 0.2, true],
  [{ pass: false, score: 7, reason: '' }, undefined, 1, false],
])('code that returns %j, with the threshold %j, scores %d', async (value, threshold, score, passed) => {
  const settings = { code: 'x', ...(threshold !== undefined && { threshold }) }

  expect((await judge(settings, returned(value))).outcome).toMatchObject({
    outcome: 'scored',
    value: score,
    passed,
  })
})

test('code that gives no score is an error with the reason, and no test passes by it, turned round either', async () => {
  const failed: Evaluated = { kind: 'failed', reason: 'It throws TypeError: x' }
  const { outcome } = await judge({ code: 'x' }, failed)
  const evaluate = async () => failed
  const checks = [{ kind: 'javascript', settings: { code: 'x' }, not: true }]
  const within = await judgeSample('assertions', {}, { assertions: { checks } }, { ...NO_TOOLS, evaluate })

  expect(outcome).toEqual({ outcome: 'error', reason: 'The code gives no score. It throws TypeError: x' })
  expect(within).toMatchObject({ outcome: 'abstained', reason: expect.stringContaining('TypeError') })
})

describe('what is run', () => {
  test.each([
    ['output.length > 3', 'return output.length > 3'],
    ['output === "a"\n', 'return output === "a"'],
    ['const n = output.length; n > 3', 'return eval("const n = output.length; n > 3")'],
    ['const n = 3\nreturn output.length > n\n', 'const n = 3\nreturn output.length > n'],
  ])('of %j is %j', async (code, body) => {
    expect((await judge({ code }, returned(true))).order).toMatchObject({ code: body, form: 'body' })
  })

  test('of a file is its text', async () => {
    const settings = { code: 'exports.a = () => 1', form: 'commonjs', exported: 'a' }

    expect((await judge(settings, returned(true))).order).toMatchObject(settings)
  })

  test('sees the answer, the prompt, the variables and the config, and no guess at what is unknown', async () => {
    const sample = { output: 'yes', prompt: 'Is it?', variables: { a: 1 } }
    const { order } = await judge({ code: 'x', config: { most: 3 } }, returned(true), sample)
    const own = await judge({ code: 'x', vars: { b: 2 } }, returned(true), { ...sample, prompt: null })

    expect(order).toMatchObject({
      output: 'yes',
      context: { prompt: 'Is it?', vars: { a: 1 }, config: { most: 3 } },
      unknown: expect.not.arrayContaining(['prompt']),
    })
    expect(own.order).toMatchObject({
      context: { vars: { b: 2 } },
      unknown: expect.arrayContaining(['prompt', 'providerResponse', 'trace']),
    })
  })

  test('sees the calls of an answer that has no text', async () => {
    const toolCalls = [{ name: 'find', arguments: '{}' }]
    const calls = [{ type: 'function', function: toolCalls[0] }]

    expect((await judge({ code: 'x' }, returned(true), { toolCalls })).order?.output).toEqual(calls)
    expect((await judge({ code: 'x' }, returned(true), { toolCalls, output: 'a' })).order?.output).toEqual({
      role: 'assistant',
      content: 'a',
      tool_calls: calls,
    })
  })
})
