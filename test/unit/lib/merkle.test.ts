/** The tree against the vectors of certificate-transparency, and against RFC 6962's own recursive definition. */

import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  CompactRange,
  consistencyProof,
  inclusionProof,
  inclusionProofs,
  leafHash,
  nodeHash,
  treeRoot,
  verifyConsistency,
  verifyInclusion,
} from '../../../src/lib/merkle.ts'

const hex = (text: string) => Buffer.from(text, 'hex')

/** google/certificate-transparency, merkle_tree_test.cc: the inputs, and the root of the first 0 to 8 of them. */
const INPUTS = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map(hex)
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]
const PATHS = [
  {
    index: 0,
    size: 8,
    proof: [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  },
  {
    index: 5,
    size: 8,
    proof: [
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  },
  {
    index: 2,
    size: 3,
    proof: ['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125'],
  },
]
const EXTENSIONS = [
  { from: 1, to: 1, proof: [] },
  {
    from: 1,
    to: 8,
    proof: [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  },
  {
    from: 6,
    to: 8,
    proof: [
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  },
  {
    from: 2,
    to: 5,
    proof: [
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ],
  },
]
const CT_LEAVES = Buffer.concat(INPUTS.map(leafHash))

describe('the vectors of certificate-transparency', () => {
  test.each(ROOTS.map((root, size) => ({ size, root })))('root of $size leaves', ({ size, root }) => {
    expect(treeRoot(CT_LEAVES, 0, size).toString('hex')).toBe(root)
  })

  test.each(PATHS)('inclusion of leaf $index of $size', ({ index, size, proof }) => {
    const made = inclusionProof(index, size, CT_LEAVES)

    expect(made.map((one) => one.toString('hex'))).toEqual(proof)
    expect(verifyInclusion(leafHash(INPUTS[index]!), index, size, proof.map(hex), hex(ROOTS[size]!))).toBe(
      true,
    )
  })

  test.each(EXTENSIONS)('consistency of $from with $to', ({ from, to, proof }) => {
    const made = consistencyProof(from, to, CT_LEAVES)

    expect(made.map((one) => one.toString('hex'))).toEqual(proof)
    expect(verifyConsistency(from, to, hex(ROOTS[from]!), hex(ROOTS[to]!), proof.map(hex))).toBe(true)
  })
})

/** RFC 6962 §2.1 word for word, on arrays: the second opinion. */
const digest = (prefix: number, ...parts: Buffer[]) =>
  createHash('sha256')
    .update(Buffer.concat([Buffer.from([prefix]), ...parts]))
    .digest()
function kOf(n: number): number {
  return 2 ** (Math.ceil(Math.log2(n)) - 1)
}
function mth(d: Buffer[]): Buffer {
  if (d.length === 0) return createHash('sha256').digest()
  if (d.length === 1) return d[0]!
  const k = kOf(d.length)
  return digest(1, mth(d.slice(0, k)), mth(d.slice(k)))
}
function pathOf(m: number, d: Buffer[]): Buffer[] {
  if (d.length === 1) return []
  const k = kOf(d.length)
  return m < k
    ? [...pathOf(m, d.slice(0, k)), mth(d.slice(k))]
    : [...pathOf(m - k, d.slice(k)), mth(d.slice(0, k))]
}
function subproof(m: number, d: Buffer[], b: boolean): Buffer[] {
  if (m === d.length) return b ? [] : [mth(d)]
  const k = kOf(d.length)
  return m <= k
    ? [...subproof(m, d.slice(0, k), b), mth(d.slice(k))]
    : [...subproof(m - k, d.slice(k), false), mth(d.slice(0, k))]
}
/** On which side the siblings stand: what a verifier learns from the numbers alone. */
function sides(m: number, n: number): string {
  if (n === 1) return ''
  const k = kOf(n)
  return m < k ? `${sides(m, k)}r` : `${sides(m - k, n - k)}l`
}
function extensionSides(m: number, n: number, b = true): string {
  if (m === n) return b ? '' : '.'
  const k = kOf(n)
  return m <= k ? `${extensionSides(m, k, b)}r` : `${extensionSides(m - k, n - k, false)}l`
}

/** Leaves that all differ, as ours do: each holds its own number. */
const leafArray = (size: number) =>
  Array.from({ length: size }, (_, at) => leafHash(Buffer.from(`leaf ${at}`)))
const ALL = leafArray(300)
const LEAVES = Buffer.concat(ALL)
const ALL_ROOTS = Array.from({ length: 301 }, (_, size) => mth(ALL.slice(0, size)))
const rootOf = (size: number) => ALL_ROOTS[size]!

const aSize = fc.integer({ min: 1, max: 300 })
const aLeaf = aSize.chain((size) => fc.record({ size: fc.constant(size), index: fc.nat(size - 1) }))
const anExtension = aSize.chain((to) =>
  fc.record({ to: fc.constant(to), from: fc.integer({ min: 1, max: to }) }),
)

function flipped(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes)
  const at = bit % (copy.length * 8)
  copy[at >> 3]! ^= 1 << (at & 7)
  return copy
}

describe('a tree of any size', () => {
  test('has the root of the definition, however it was built', () => {
    const range = new CompactRange()

    for (let size = 0; size <= 300; size += 1) {
      expect(range.size).toBe(size)
      expect(range.root()).toEqual(rootOf(size))
      expect(treeRoot(LEAVES, 0, size)).toEqual(rootOf(size))
      if (size < 300) range.append(LEAVES, size * 32)
    }
  })

  test('has the roots of the definition over any part of its leaves', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(300), (one, other) => {
        const [from, to] = one < other ? [one, other] : [other, one]

        expect(treeRoot(LEAVES, from, to)).toEqual(mth(ALL.slice(from, to)))
      }),
    )
  })

  test('goes on from what was kept of it', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(300), (one, other) => {
        const [kept, size] = one < other ? [one, other] : [other, one]
        const before = new CompactRange()
        for (let at = 0; at < kept; at += 1) before.append(ALL[at]!)

        const after = CompactRange.restore(JSON.parse(JSON.stringify(before.state())))
        for (let at = kept; at < size; at += 1) after.append(LEAVES, at * 32)

        expect(after.root()).toEqual(rootOf(size))
        expect(after.size).toBe(size)
      }),
    )
  })

  test('keeps one hash per bit of its size', () => {
    const range = new CompactRange()
    for (let at = 0; at < 300; at += 1) range.append(LEAVES, at * 32)

    expect(range.state().hashes).toEqual(
      [
        [0, 256],
        [256, 288],
        [288, 296],
        [296, 300],
      ].map(([from, to]) => mth(ALL.slice(from, to)).toString('base64')),
    )
  })

  test('of sizes beyond 32 bits goes on as one of its shape does', () => {
    const full = leafHash(Buffer.from('a full subtree'))
    const range = CompactRange.restore({ size: 2 ** 40, hashes: [full.toString('base64')] })

    for (let at = 0; at < 3; at += 1) range.append(ALL[at]!)

    expect(range.size).toBe(2 ** 40 + 3)
    expect(range.root()).toEqual(nodeHash(full, rootOf(3)))
    expect(range.state().hashes).toHaveLength(3)
  })
})

describe('a proof', () => {
  test('of inclusion is the one of the definition, and verifies', () => {
    fc.assert(
      fc.property(aLeaf, ({ index, size }) => {
        const proof = inclusionProof(index, size, LEAVES)

        expect(proof).toEqual(pathOf(index, ALL.slice(0, size)))
        expect(verifyInclusion(ALL[index]!, index, size, proof, rootOf(size))).toBe(true)
      }),
    )
  })

  test('of consistency is the one of the definition, and verifies', () => {
    fc.assert(
      fc.property(anExtension, ({ from, to }) => {
        const proof = consistencyProof(from, to, LEAVES)

        expect(proof).toEqual(subproof(from, ALL.slice(0, to), true))
        expect(verifyConsistency(from, to, rootOf(from), rootOf(to), proof)).toBe(true)
      }),
    )
  })

  test('made together with others is the same as made alone', () => {
    fc.assert(
      fc.property(aSize, fc.array(fc.nat(299), { maxLength: 6 }), (size, numbers) => {
        const indexes = numbers.map((number) => number % size)

        expect(inclusionProofs(indexes, size, LEAVES)).toEqual(
          indexes.map((index) => inclusionProof(index, size, LEAVES)),
        )
      }),
    )
  })

  test('from the empty tree, or to the same one, is empty and verifies', () => {
    expect(consistencyProof(0, 7, LEAVES)).toEqual([])
    expect(consistencyProof(7, 7, LEAVES)).toEqual([])
    expect(verifyConsistency(0, 7, rootOf(0), rootOf(7), [])).toBe(true)
    expect(verifyConsistency(0, 0, rootOf(0), rootOf(0), [])).toBe(true)
    expect(verifyConsistency(7, 7, rootOf(7), rootOf(7), [])).toBe(true)
  })
})

describe('a false proof of inclusion', () => {
  test('with any bit changed, in leaf, root or path, does not verify', () => {
    fc.assert(
      fc.property(aLeaf, fc.nat(), fc.nat(), ({ index, size }, which, bit) => {
        const proof = pathOf(index, ALL.slice(0, size))
        const parts = [ALL[index]!, rootOf(size), ...proof]
        const at = which % parts.length
        const [leaf, root, ...path] = parts.with(at, flipped(parts[at]!, bit))

        expect(verifyInclusion(leaf!, index, size, path, root!)).toBe(false)
      }),
    )
  })

  test('for another index does not verify', () => {
    fc.assert(
      fc.property(aLeaf, fc.nat(299), ({ index, size }, number) => {
        const other = number % size
        const proof = pathOf(index, ALL.slice(0, size))

        expect(verifyInclusion(ALL[index]!, other, size, proof, rootOf(size))).toBe(other === index)
      }),
    )
  })

  test('for another size verifies only where the path to the leaf is the same; the checkpoint binds the size', () => {
    fc.assert(
      fc.property(aLeaf, aSize, ({ index, size }, other) => {
        const proof = pathOf(index, ALL.slice(0, size))
        const same = index < other && sides(index, other) === sides(index, size)

        expect(verifyInclusion(ALL[index]!, index, other, proof, rootOf(size))).toBe(same)
        if (other !== size) {
          expect(verifyInclusion(ALL[index]!, index, other, proof, rootOf(other))).toBe(false)
        }
      }),
    )
  })

  test('with a hash too many, too few or too short does not verify', () => {
    fc.assert(
      fc.property(aLeaf, fc.nat(20), ({ index, size }, number) => {
        const proof = pathOf(index, ALL.slice(0, size))
        const at = number % (proof.length + 1)
        const tooMany = proof.toSpliced(at, 0, ALL[0]!)
        const verify = (path: Buffer[]) => verifyInclusion(ALL[index]!, index, size, path, rootOf(size))

        expect(verify(tooMany)).toBe(false)
        if (at < proof.length) {
          expect(verify(proof.toSpliced(at, 1))).toBe(false)
          expect(verify(proof.with(at, proof[at]!.subarray(1)))).toBe(false)
        }
      }),
    )
  })

  test.each([
    ['a negative index', -1, 4],
    ['an index that is no whole number', 0.5, 4],
    ['an index behind the end', 4, 4],
    ['an empty tree', 0, 0],
    ['a size past what numbers hold', 0, 2 ** 53],
  ])('with %s does not verify', (_, index, size) => {
    expect(verifyInclusion(ALL[0]!, index, size, [], ALL[0]!)).toBe(false)
  })
})

describe('a false proof of consistency', () => {
  test('with any bit changed, in a root or the path, does not verify', () => {
    fc.assert(
      fc.property(anExtension, fc.nat(), fc.nat(), ({ from, to }, which, bit) => {
        const parts = [rootOf(from), rootOf(to), ...subproof(from, ALL.slice(0, to), true)]
        const at = which % parts.length
        const [oldRoot, newRoot, ...proof] = parts.with(at, flipped(parts[at]!, bit))

        expect(verifyConsistency(from, to, oldRoot!, newRoot!, proof)).toBe(false)
      }),
    )
  })

  test('for other sizes verifies only where the way between the trees is the same', () => {
    fc.assert(
      fc.property(anExtension, aSize, aSize, ({ from, to }, otherFrom, otherTo) => {
        const proof = subproof(from, ALL.slice(0, to), true)
        const same =
          otherFrom <= otherTo &&
          (otherFrom === otherTo) === (from === to) &&
          extensionSides(otherFrom, otherTo) === extensionSides(from, to)

        expect(verifyConsistency(otherFrom, otherTo, rootOf(from), rootOf(to), proof)).toBe(same)
      }),
      { numRuns: 1000 },
    )
  })

  test('between trees of which one is not the beginning of the other does not verify', () => {
    fc.assert(
      fc.property(anExtension, fc.nat(299), ({ from, to }, number) => {
        const changed = ALL.with(number % from, leafHash(Buffer.from('changed')))
        const proof = subproof(from, ALL.slice(0, to), true)
        const oldRoot = mth(changed.slice(0, from))

        expect(verifyConsistency(from, to, oldRoot, rootOf(to), proof)).toBe(false)
        expect(
          verifyConsistency(from, to, oldRoot, rootOf(to), subproof(from, changed.slice(0, to), true)),
        ).toBe(false)
      }),
    )
  })

  test.each([
    ['backwards', 5, 3],
    ['with a negative size', -1, 3],
    ['with a size that is no whole number', 1.5, 3],
    ['from the empty tree with another root', 0, 3],
  ])('%s does not verify', (_, from, to) => {
    expect(verifyConsistency(from, to, rootOf(5), rootOf(3), [])).toBe(false)
  })

  test('without its hashes does not verify', () => {
    expect(verifyConsistency(4, 8, rootOf(4), rootOf(8), [])).toBe(false)
    expect(verifyConsistency(3, 8, rootOf(3), rootOf(8), [])).toBe(false)
  })
})

describe('what is no tree', () => {
  test.each([
    ['a leaf of another length', () => new CompactRange().append(Buffer.alloc(31))],
    ['leaves cut in the middle of one', () => treeRoot(Buffer.alloc(33))],
    ['more leaves than there are', () => treeRoot(Buffer.alloc(64), 0, 3)],
    ['a node of other lengths', () => nodeHash(Buffer.alloc(32), Buffer.alloc(31))],
    ['the proof of a leaf behind the end', () => inclusionProof(4, 4, LEAVES)],
    ['the proof in a tree larger than the leaves', () => inclusionProof(0, 301, LEAVES)],
    ['a proof that a tree begins with a larger one', () => consistencyProof(5, 4, LEAVES)],
    ['a range with a hash missing', () => CompactRange.restore({ size: 3, hashes: [] })],
    ['a range with a hash too many', () => CompactRange.restore({ size: 0, hashes: ['AAAA'] })],
    ['a range with a broken hash', () => CompactRange.restore({ size: 1, hashes: ['AAAA'] })],
    ['a range of half a leaf', () => CompactRange.restore({ size: 0.5, hashes: [] })],
  ])('throws: %s', (_, make) => {
    expect(make).toThrow(RangeError)
  })
})
