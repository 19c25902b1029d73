import { describe, expect, test } from 'vitest'
import { createReckoner } from '../../../../src/evals/reports/reckoner.ts'
import { verdictOf } from '../../../../src/evals/runs/verdict.ts'
import { measured, scorer } from '../../../support/measured-run.ts'

const GATES = { atLeast: 0.5, atMost: null, notWorseBy: 0.05, observedAtLeast: null }
const shares = scorer({ values: 'share', gates: GATES })
const candidate = measured([shares], { right: [0.9, 0.8, 0.7, null, 0.85, 0.75] })
const baseline = measured([shares], { right: [0.8, 0.8, 0.6, 0.7, 0.9, 0.7] }, { id: 'run_b' })

describe('a verdict made beside the thread that serves', () => {
  test('is the very same, one after another', async () => {
    const reckon = createReckoner()

    const made = await Promise.all([reckon(candidate, baseline), reckon(candidate, null)])

    expect(made).toEqual([verdictOf(candidate, baseline), verdictOf(candidate, null)])
  })

  test('tells why there is none, and the next one is made all the same', async () => {
    const reckon = createReckoner()
    const wrong = measured([shares], { right: [2, 3] })

    const made = await Promise.allSettled([reckon(wrong, null), reckon(candidate, null)])

    expect(made[0]).toMatchObject({ status: 'rejected', reason: { name: 'RangeError' } })
    expect(made[1]).toMatchObject({ status: 'fulfilled', value: { items: 6 } })
  })

  test('is refused while too many wait, with when to come again', async () => {
    const reckon = createReckoner()
    const wrong = measured([shares], { right: [2] })
    const waiting = Array.from({ length: 20 }, () => reckon(wrong, null))

    await expect(reckon(candidate, null)).rejects.toMatchObject({
      code: 'concurrency_limit_exceeded',
      status: 429,
    })

    const ended = await Promise.allSettled(waiting)
    expect(ended.every(({ status }) => status === 'rejected')).toBe(true)
  })
})
