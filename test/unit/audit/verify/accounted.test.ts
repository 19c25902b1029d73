import { describe, expect, test } from 'vitest'
import { Accounted } from '../../../../src/audit/verify/accounted.ts'

describe('what is accounted for', () => {
  test('is told once, also across blocks and far off', () => {
    const accounted = new Accounted()
    const seqs = [0, 7, 8, 32_767, 32_768, 2 ** 40, Number.MAX_SAFE_INTEGER]

    expect(seqs.map((seq) => accounted.add(seq))).toEqual(seqs.map(() => true))
    expect(seqs.map((seq) => accounted.add(seq))).toEqual(seqs.map(() => false))
    expect(seqs.every((seq) => accounted.has(seq))).toBe(true)
    expect([1, 9, 32_766, 2 ** 40 + 1].some((seq) => accounted.has(seq))).toBe(false)
  })

  test('leaves the rest missing, from the first up to below the last', () => {
    const accounted = new Accounted()
    for (const seq of [3, 5, 6]) accounted.add(seq)

    expect([...accounted.missing(3, 9)]).toEqual([4, 7, 8])
    expect([...accounted.missing(5, 7)]).toEqual([])
  })
})
