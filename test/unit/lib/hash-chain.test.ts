/** The chain against its definition. */

import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { chainHead, chainStart } from '../../../src/lib/hash-chain.ts'

const leaf = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes))

function defined(leaves: readonly Buffer[]): Buffer {
  let head: Buffer = Buffer.alloc(32)
  for (const one of leaves) {
    head = createHash('sha256')
      .update(Buffer.from([2]))
      .update(head)
      .update(one)
      .digest()
  }
  return head
}

describe('a chain', () => {
  test('starts from 32 zero bytes', () => {
    expect(chainStart()).toEqual(Buffer.alloc(32))
    expect(chainHead(chainStart(), Buffer.alloc(0))).toEqual(Buffer.alloc(32))
  })

  test('of one zero leaf has a known head', () => {
    // python3: hashlib.sha256(b'\x02' + bytes(64)).hexdigest()
    expect(chainHead(chainStart(), Buffer.alloc(32)).toString('hex')).toBe(
      '977c6d24ff2b851777af4dce0615e547112c6c0128a37338b3a1db9d055fff09',
    )
  })

  test('has the head of its definition, leaf by leaf and all at once', () => {
    fc.assert(
      fc.property(fc.array(leaf, { maxLength: 20 }), (leaves) => {
        const atOnce = chainHead(chainStart(), Buffer.concat(leaves))
        const oneByOne = leaves.reduce(chainHead, chainStart())

        expect(atOnce).toEqual(defined(leaves))
        expect(oneByOne).toEqual(atOnce)
      }),
    )
  })

  test('with two neighbours swapped has another head', () => {
    fc.assert(
      fc.property(leaf, leaf, (one, other) => {
        fc.pre(!one.equals(other))

        const head = chainHead(chainStart(), Buffer.concat([one, other]))

        expect(chainHead(chainStart(), Buffer.concat([other, one]))).not.toEqual(head)
      }),
    )
  })

  test('leaves the head it came from as it was', () => {
    const before = chainStart()

    chainHead(before, Buffer.alloc(64, 7))

    expect(before).toEqual(Buffer.alloc(32))
  })

  test.each([
    ['a head of another length', Buffer.alloc(31), Buffer.alloc(32)],
    ['leaves cut in the middle of one', Buffer.alloc(32), Buffer.alloc(40)],
  ])('refuses %s', (_, head, leaves) => {
    expect(() => chainHead(head, leaves)).toThrow(RangeError)
  })
})
