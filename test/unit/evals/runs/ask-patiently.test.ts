import { describe, expect, test } from 'vitest'
import type { Ask, Asked, Call, Failure } from '../../../../src/evals/runs/ask.ts'
import { askPatiently } from '../../../../src/evals/runs/ask-patiently.ts'
import type { Pace } from '../../../../src/evals/runs/pace.ts'
import { unhurried } from '../../../support/eval-runs.ts'

const failed = (more: Partial<Failure>): Asked => {
  const usual = { code: 'upstream_error', message: 'It failed.', retryAfterMs: null }
  const failure = { ...usual, retryable: true, ...more }
  return { requestId: 'req_1', latencyMs: 1, upstream: null, kind: 'failed', failure }
}
const ANSWERED: Asked = {
  requestId: 'req_2',
  latencyMs: 1,
  upstream: 'up',
  kind: 'answered',
  answer: {
    output: 'Yes.',
    toolCalls: [],
    finishReason: 'stop',
    contexts: [],
    retrieved: null,
    cost: 1n,
    free: false,
  },
}

function patiently(
  ask: Ask,
  { timeoutMs = 60_000, signal = new AbortController().signal, pace = unhurried as Pace } = {},
) {
  const call: Call = { projectId: 'p', runId: 'r', runName: 'judge s', body: {}, signal }
  return askPatiently({ ask, random: () => 0, pace }, timeoutMs, call)
}

/** One after the other. */
const saying = (...script: Asked[]): Ask => {
  return async () => script.shift() ?? failed({ retryable: false, message: 'Once too often.' })
}

describe('a question of a run', () => {
  test('is asked again while what hinders it passes', async () => {
    const ask = saying(failed({}), failed({}), ANSWERED)

    expect(await patiently(ask)).toEqual({ asked: ANSWERED, tries: 3 })
  })

  test('is asked once when another try would end alike', async () => {
    expect(await patiently(saying(failed({ retryable: false }), ANSWERED))).toMatchObject({
      asked: { kind: 'failed' },
      tries: 1,
    })
  })

  test('is given up after four tries', async () => {
    expect(await patiently(async () => failed({}))).toMatchObject({ asked: { kind: 'failed' }, tries: 4 })
  })

  test('that takes longer than the suite allows has failed', async () => {
    const silent: Ask = ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error))
      })

    expect(await patiently(silent, { timeoutMs: 2 })).toMatchObject({
      asked: { failure: { code: 'timeout', message: expect.stringContaining('within 2 ms') } },
      tries: 4,
    })
  })

  test('ends with the run', async () => {
    const stop = new AbortController()
    const ask: Ask = async () => {
      stop.abort(new Error('The process ends.'))
      return failed({})
    }

    await expect(patiently(ask, { signal: stop.signal })).rejects.toThrow()
  })

  test('enters anew for each try, waits between tries outside, and says where it was asked', async () => {
    const left: (string | null)[] = []
    let inside = 0
    const pace: Pace = {
      enter: async () => {
        inside += 1
        return (upstream) => {
          inside -= 1
          left.push(upstream)
        }
      },
    }
    const seen: number[] = []
    const script = saying(failed({}), ANSWERED)
    const ask: Ask = (call) => {
      seen.push(inside)
      return script(call)
    }
    await patiently(ask, { pace })

    expect({ seen, left, inside }).toEqual({ seen: [1, 1], left: [null, 'up'], inside: 0 })
  })
})
