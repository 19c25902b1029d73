import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatUsd, parseUsd, usdText } from '../../../src/lib/money.ts'

describe('a text of dollars', () => {
  test.each([
    ['2.5', 2_500_000n],
    ['$10', 10_000_000n],
    ['0.000001', 1n],
    [' 0.075 ', 75_000n],
    ['0.1500000000', 150_000n],
    ['0', 0n],
    // Floating point would make 0.1 + 0.2 of it, or lose the last cents.
    ['0.3', 300_000n],
    ['90071992547409.93', 90_071_992_547_409_930_000n],
  ])('%s is exact', (text, micro) => {
    expect(parseUsd(text)).toBe(micro)
  })

  test.each(['', '.5', '5.', '1e3', '-1', '1,5', '0x10', '1.2.3', '0.0000001', 'free', '1'.repeat(16)])(
    '%j is no amount',
    (text) => {
      expect(parseUsd(text)).toBeNull()
    },
  )

  test('and back is the same amount, whatever it is', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 20n }), (micro) => {
        expect(parseUsd(usdText(micro))).toBe(micro)
        expect(parseUsd(formatUsd(micro))).toBe(micro)
      }),
    )
  })
})

test.each([
  [123n, '$0.000123', '0.000123'],
  [2_500_000n, '$2.50', '2.5'],
  [0n, '$0.00', '0'],
  [-1_000_000n, '-$1.00', '-1'],
  [-5n, '-$0.000005', '-0.000005'],
  [12_345_678_900n, '$12345.6789', '12345.6789'],
])('%s micro-USD read %s', (micro, shown, wire) => {
  expect(formatUsd(micro)).toBe(shown)
  expect(usdText(micro)).toBe(wire)
})
