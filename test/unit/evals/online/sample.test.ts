import { describe, expect, test } from 'vitest'
import { inSample } from '../../../../src/evals/online/sample.ts'

const DIGEST = '32a614ae9213fa1903ce367f02821add3c3f9e877aa00481c5dab26287f9b4fa'
const ids = Array.from({ length: 20_000 }, (_, at) => `req_${String(at).padStart(26, '0')}`)
const of = (share: number) => ids.filter((id) => inSample(id, share))

describe('a sample', () => {
  test.each([0.01, 0.2, 0.5])('of a share of %d has about as many as that', (share) => {
    const expected = ids.length * share
    // Six standard deviations of a binomial.
    expect(Math.abs(of(share).length - expected)).toBeLessThan(6 * Math.sqrt(expected * (1 - share)))
  })

  test('of all has all, and of a smaller share is part of that of a larger one', () => {
    const larger = new Set(of(0.5))

    expect(of(1)).toHaveLength(ids.length)
    expect(of(0.2).every((id) => larger.has(id))).toBe(true)
  })

  test('is recomputed from the id and SHA-256 alone', () => {
    // printf 'live sample\0req_01kb0000000000000000000000' | sha256sum
    const share = Number.parseInt(DIGEST.slice(0, 13), 16) / 2 ** 52

    expect(inSample('req_01kb0000000000000000000000', share)).toBe(false)
    expect(inSample('req_01kb0000000000000000000000', share + 1e-12)).toBe(true)
  })
})
