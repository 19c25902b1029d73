import { expect, test } from 'vitest'
import { addRequest, NOTHING, worstCost } from '../../../../src/evals/runs/batches/worst-case.ts'
import type { JsonObject } from '../../../../src/lib/json.ts'

const PRICE = {
  input: 500_000n,
  cachedInput: 0n,
  cacheWrite: null,
  output: 1_000_000n,
  reasoning: null,
  perImage: null,
  perRequest: null,
  tiers: [],
  source: 'contract 7',
  validFromMs: null,
  id: null,
}
const worstOf = (...bodies: object[]) =>
  bodies.reduce(
    (worst: typeof NOTHING, body) => addRequest(worst, Buffer.from(JSON.stringify(body)), mostOf),
    NOTHING,
  )
/** As a dialect would read it. */
const mostOf = ({ max_tokens: most, n }: JsonObject) =>
  typeof most === 'number' && most > 0 ? most * Number(n ?? 1) : null

test('the worst case is a token for each byte, and every answer as long as it may be', () => {
  const one = { messages: 'ä'.repeat(100), max_tokens: 10 }
  const two = { max_tokens: 20, n: 3 }
  const bytes = Buffer.byteLength(JSON.stringify(one) + JSON.stringify(two))

  const worst = worstOf(one, two)

  expect(worst).toEqual({ requests: 2, inputBytes: bytes, outputTokens: 10 + 20 * 3, isOpen: false })
  // Half a micro-USD a byte, one a token, and one for the rounding of each call.
  expect(worstCost(worst, PRICE)).toBe(BigInt(Math.round((bytes * 500_000 + 70 * 1_000_000) / 1e6)) + 2n)
  expect(worstCost(worst, { ...PRICE, perRequest: 5n })).toBe((worstCost(worst, PRICE) ?? 0n) + 10n)
  expect(worstCost(worst, { ...PRICE, output: null })).toBeNull()
})

test.each([[{}], [{ max_tokens: 0 }], [{ max_tokens: 'many' }]])(
  '%j says nothing of how long an answer may be',
  (body) => {
    expect(worstOf({ max_tokens: 5 }, body).isOpen).toBe(true)
  },
)
