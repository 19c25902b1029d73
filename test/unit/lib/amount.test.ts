import { expect, test } from 'vitest'
import { amountText, levelText } from '../../../src/lib/amount.ts'

test.each([
  [122, 'micro_usd', '$0.000122'],
  [0.1, 'micro_usd', '$0.0000001'],
  [-122_000, 'micro_usd', '−$0.122'],
  [0.0421, 'share', '4.21 %'],
  [1834, 'ms', '1830 ms'],
  [12, 'a_minute', '12 requests/min'],
  [310, 'tokens', '310'],
  [0.00000012, null, '0.00000012'],
  [123_456_789, null, '123000000'],
  [0, 'ms', '0 ms'],
  [-0, 'share', '0 %'],
  [null, 'ms', '-'],
])('the level %s of %s reads %s', (value, unit, text) => {
  expect(levelText(value, unit)).toBe(text)
})

test.each([
  [19, 'micro_usd', '+$0.000019'],
  [-3, 'micro_usd', '−$0.000003'],
  [0.042, 'share', '+4.2 points'],
  [-0.042, 'share', '−4.2 points'],
  [-250, 'ms', '−250 ms'],
  [0, 'ms', '0 ms'],
])('the amount %s of %s reads %s', (value, unit, text) => {
  expect(amountText(value, unit)).toBe(text)
})
