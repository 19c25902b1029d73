/** The text a leaf commits to, which stays for ever. */

import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type AuditLeaf, auditLeafHash, auditLeafText, LEAF_TYPES } from '../../../src/lib/audit-leaf.ts'

const leaf: AuditLeaf = {
  type: 'close',
  seq: 17,
  wallMs: 1_800_000_000_123,
  flags: 1,
  id: 'req_01k00000000000000000000000',
  metaDigest: 'a'.repeat(64),
  firstDigest: 'b'.repeat(64),
  secondDigest: null,
}
const bare: AuditLeaf = { ...leaf, type: 'seal', id: null, metaDigest: null, firstDigest: null }

describe('the text of a leaf', () => {
  test('has nine lines and a final newline', () => {
    expect(auditLeafText(leaf)).toBe(
      `aval-record/1\nclose\n17\n1800000000123\n1\nreq_01k00000000000000000000000\n${'a'.repeat(64)}\n${'b'.repeat(64)}\n-\n`,
    )
  })

  test('has a dash for whatever is not there', () => {
    expect(auditLeafText(bare)).toBe('aval-record/1\nseal\n17\n1800000000123\n1\n-\n-\n-\n-\n')
  })

  test('is hashed as a leaf of the tree', () => {
    expect(auditLeafHash(leaf)).toEqual(
      createHash('sha256')
        .update(Buffer.from([0]))
        .update(auditLeafText(leaf))
        .digest(),
    )
  })

  test('is another for every other record', () => {
    const aDigest = fc.option(fc.constantFrom('a'.repeat(64), 'b'.repeat(64)))
    const aLeaf = fc.record<AuditLeaf>({
      type: fc.constantFrom(...LEAF_TYPES),
      seq: fc.nat(2),
      wallMs: fc.nat(2),
      flags: fc.nat(2),
      id: fc.option(fc.constantFrom('1', '2', 'a', '-1', ' ')),
      metaDigest: aDigest,
      firstDigest: aDigest,
      secondDigest: aDigest,
    })

    fc.assert(
      fc.property(aLeaf, aLeaf, (one, other) => {
        const same = JSON.stringify(one) === JSON.stringify(other)

        expect(auditLeafText(one) === auditLeafText(other)).toBe(same)
      }),
      { numRuns: 2000 },
    )
  })

  test.each<[string, Partial<AuditLeaf>]>([
    ['a type nobody knows', { type: 'other' as 'open' }],
    ['a negative seq', { seq: -1 }],
    ['half a millisecond', { wallMs: 0.5 }],
    ['flags that are no number', { flags: Number.NaN }],
    ['a newline in the id', { id: 'a\nb' }],
    ['a newline at the end of the id', { id: 'a\n' }],
    ['letters beyond ASCII in the id', { id: 'ä' }],
    ['an empty id', { id: '' }],
    ['an id that reads as none', { id: '-' }],
    ['a digest in capitals', { metaDigest: 'A'.repeat(64) }],
    ['a short digest', { firstDigest: 'a'.repeat(63) }],
    ['a digest with a newline', { secondDigest: `${'a'.repeat(64)}\n` }],
  ])('is not made with %s', (_, change) => {
    expect(() => auditLeafText({ ...leaf, ...change })).toThrow(RangeError)
  })
})
