/**
 * The Merkle tree of a log: RFC 6962 §2.1, RFC 9162 §2.1, over SHA-256. Pure. Leaves are one Buffer of leaf hashes,
 * 32 bytes each, and nothing here makes an object per leaf: ten million of them are an ordinary size.
 */

import { hash } from 'node:crypto'
import { decodeBase64 } from './base64.ts'
import { HASH_BYTES, sha256 } from './sha256.ts'

/** A node is hashed in place: prefix, left child, right child. */
const LEFT = 1
const RIGHT = LEFT + HASH_BYTES
const NODE_BYTES = RIGHT + HASH_BYTES
const LEAF_PREFIX = 0x00
const NODE_PREFIX = 0x01

/** SHA-256(0x00 || data): a leaf can never be taken for a node. */
export function leafHash(data: Uint8Array): Buffer {
  const prefixed = Buffer.allocUnsafe(data.length + 1)
  prefixed[0] = LEAF_PREFIX
  prefixed.set(data, 1)
  return sha256(prefixed)
}

/** SHA-256(0x01 || left || right), both 32 bytes. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  if (left.length !== HASH_BYTES || right.length !== HASH_BYTES)
    throw new RangeError('A node has two hashes.')
  const node = newNode()
  node.set(left, LEFT)
  node.set(right, RIGHT)
  return sha256(node)
}

/** `hashes`: base64 roots of the full subtrees, largest first, one for each bit set in `size`. */
export type CompactRangeState = { size: number; hashes: string[] }

/** A tree that only grows: what is kept is one hash per bit of its size, and an append costs one hash on average. */
export class CompactRange {
  #size = 0
  /** Level k: the left half waits for its sibling whenever bit k of the size is set; the right half is scratch. */
  readonly #nodes: Buffer[] = []

  /** Throws RangeError when the state is none. */
  static restore(state: CompactRangeState): CompactRange {
    assertSize(state.size)
    const range = new CompactRange()
    range.#size = state.size
    const hashes = state.hashes.toReversed()
    for (let level = 0, rest = state.size; rest > 0; level += 1, rest = half(rest)) {
      const node = range.#node(level)
      if (isOdd(rest)) hashOf(hashes.shift()).copy(node, LEFT)
    }
    if (hashes.length > 0) throw new RangeError('A compact range has one hash for each bit of its size.')
    return range
  }

  get size(): number {
    return this.#size
  }

  /** Appends the leaf hash at byte `at`. */
  append(leaves: Buffer, at = 0): void {
    if (at < 0 || at + HASH_BYTES > leaves.length) throw new RangeError('A leaf hash has 32 bytes.')
    const node = this.#node(0)
    leaves.copy(node, isOdd(this.#size) ? RIGHT : LEFT, at, at + HASH_BYTES)
    if (isOdd(this.#size)) this.#carry(node)
    this.#size += 1
  }

  /** MTH of RFC 6962 §2.1 over everything appended so far. */
  root(): Buffer {
    let digest: string | null = null
    for (let level = 0, rest = this.#size; rest > 0; level += 1, rest = half(rest)) {
      if (!isOdd(rest)) continue
      const node = this.#node(level)
      if (digest === null) digest = node.toString('binary', LEFT, RIGHT)
      else digest = withRight(node, digest)
    }
    return digest === null ? sha256('') : Buffer.from(digest, 'binary')
  }

  state(): CompactRangeState {
    const hashes: string[] = []
    for (let level = 0, rest = this.#size; rest > 0; level += 1, rest = half(rest)) {
      if (isOdd(rest)) hashes.push(this.#node(level).toString('base64', LEFT, RIGHT))
    }
    return { size: this.#size, hashes: hashes.toReversed() }
  }

  /** Both children of the lowest node are there: its hash moves up until it finds an empty left half. */
  #carry(full: Buffer): void {
    let digest = hash('sha256', full, 'binary')
    let level = 1
    for (let rest = half(this.#size); isOdd(rest); rest = half(rest)) {
      digest = withRight(this.#node(level), digest)
      level += 1
    }
    this.#node(level).write(digest, LEFT, HASH_BYTES, 'binary')
  }

  #node(level: number): Buffer {
    const node = this.#nodes[level]
    if (node !== undefined) return node
    const fresh = newNode()
    this.#nodes[level] = fresh
    return fresh
  }
}

/** The root over the leaves `from` up to, not including, `to`: every leaf of the Buffer by default. */
export function treeRoot(leaves: Buffer, from = 0, to = leaves.length / HASH_BYTES): Buffer {
  if (leaves.length % HASH_BYTES !== 0) throw new RangeError('Leaf hashes are 32 bytes each.')
  assertRange(leaves, from, to)
  const range = new CompactRange()
  for (let at = from * HASH_BYTES; at < to * HASH_BYTES; at += HASH_BYTES) range.append(leaves, at)
  return range.root()
}

/** PATH(index, D[0:size]) of RFC 6962 §2.1.1, lowest sibling first. */
export function inclusionProof(index: number, size: number, leaves: Buffer): Buffer[] {
  return path(index, size, leaves, (from, to) => treeRoot(leaves, from, to))
}

/** One proof for each index; what two of them share is computed once, which for neighbours is nearly everything. */
export function inclusionProofs(indexes: readonly number[], size: number, leaves: Buffer): Buffer[][] {
  const known = new Map<string, Buffer>()
  return indexes.map((index) =>
    path(index, size, leaves, (from, to) => {
      const name = `${from}:${to}`
      const root = known.get(name) ?? treeRoot(leaves, from, to)
      known.set(name, root)
      return root
    }),
  )
}

/**
 * PROOF(oldSize, D[0:newSize]) of RFC 6962 §2.1.2. Empty when the sizes are equal, and from the empty tree, which
 * every tree begins with.
 */
export function consistencyProof(oldSize: number, newSize: number, leaves: Buffer): Buffer[] {
  assertRange(leaves, 0, newSize)
  if (!Number.isSafeInteger(oldSize) || oldSize < 0 || oldSize > newSize)
    throw new RangeError('No older tree.')
  const proof: Buffer[] = []
  let from = 0
  let to = newSize
  while (oldSize > 0 && oldSize !== to) {
    const middle = from + split(to - from)
    if (oldSize <= middle) {
      proof.push(treeRoot(leaves, middle, to))
      to = middle
    } else {
      proof.push(treeRoot(leaves, from, middle))
      from = middle
    }
  }
  // An old tree that is a left edge of the new one is known to whoever asks; anything else has to be said.
  if (from > 0) proof.push(treeRoot(leaves, from, to))
  return proof.toReversed()
}

/**
 * RFC 9162 §2.1.3.2. True when `leaf` is at `index` of the tree with this size and root. The size is believed, not
 * proven (sizes with the same path to the leaf give the same proof): take size and root from one signed checkpoint.
 */
export function verifyInclusion(
  leaf: Buffer,
  index: number,
  size: number,
  proof: readonly Buffer[],
  root: Buffer,
): boolean {
  if (!areSizes(index, size) || index >= size || !areHashes([leaf, root, ...proof])) return false
  let at = index
  let last = size - 1
  let digest = leaf
  for (const sibling of proof) {
    if (last === 0) return false
    if (isOdd(at) || at === last) {
      digest = nodeHash(sibling, digest)
      ;[at, last] = skipMissing(at, last)
    } else {
      digest = nodeHash(digest, sibling)
    }
    ;[at, last] = [half(at), half(last)]
  }
  return last === 0 && digest.equals(root)
}

/** RFC 9162 §2.1.4.2. True when the tree with the old root is the beginning of the one with the new root. */
export function verifyConsistency(
  oldSize: number,
  newSize: number,
  oldRoot: Buffer,
  newRoot: Buffer,
  proof: readonly Buffer[],
): boolean {
  if (!areSizes(oldSize, newSize) || oldSize > newSize) return false
  if (!areHashes([oldRoot, newRoot, ...proof])) return false
  if (oldSize === newSize) return proof.length === 0 && oldRoot.equals(newRoot)
  if (oldSize === 0) return proof.length === 0 && oldRoot.equals(sha256(''))
  const [first, ...rest] = isPowerOfTwo(oldSize) ? [oldRoot, ...proof] : proof
  if (first === undefined || proof.length === 0) return false
  let at = oldSize - 1
  let last = newSize - 1
  while (isOdd(at)) [at, last] = [half(at), half(last)]
  let oldDigest = first
  let newDigest = first
  for (const sibling of rest) {
    if (last === 0) return false
    if (isOdd(at) || at === last) {
      oldDigest = nodeHash(sibling, oldDigest)
      newDigest = nodeHash(sibling, newDigest)
      ;[at, last] = skipMissing(at, last)
    } else {
      newDigest = nodeHash(newDigest, sibling)
    }
    ;[at, last] = [half(at), half(last)]
  }
  return last === 0 && oldDigest.equals(oldRoot) && newDigest.equals(newRoot)
}

/** A last node without a sibling is its own parent: up past those levels, to where it is a right child. */
function skipMissing(at: number, last: number): [number, number] {
  return at === 0 || isOdd(at) ? [at, last] : skipMissing(half(at), half(last))
}

type RootOf = (from: number, to: number) => Buffer

function path(index: number, size: number, leaves: Buffer, rootOf: RootOf): Buffer[] {
  assertRange(leaves, 0, size)
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) throw new RangeError('No such leaf.')
  const proof: Buffer[] = []
  let from = 0
  let to = size
  while (to - from > 1) {
    const middle = from + split(to - from)
    if (index < middle) {
      proof.push(rootOf(middle, to))
      to = middle
    } else {
      proof.push(rootOf(from, middle))
      from = middle
    }
  }
  return proof.toReversed()
}

/** The largest power of two below `size` (RFC 6962's k), for sizes of two and more. */
function split(size: number): number {
  let k = 1
  while (k * 2 < size) k *= 2
  return k
}

// Sizes go to 2^53, so bits are taken by arithmetic: JavaScript's bit operators stop at 2^32.
function isOdd(value: number): boolean {
  return value % 2 === 1
}

function half(value: number): number {
  return Math.floor(value / 2)
}

function isPowerOfTwo(value: number): boolean {
  return value === 1 || split(value) * 2 === value
}

function newNode(): Buffer {
  const node = Buffer.alloc(NODE_BYTES)
  node[0] = NODE_PREFIX
  return node
}

function withRight(node: Buffer, digest: string): string {
  node.write(digest, RIGHT, HASH_BYTES, 'binary')
  return hash('sha256', node, 'binary')
}

function hashOf(text: string | undefined): Buffer {
  const bytes = text === undefined ? null : decodeBase64(text)
  if (bytes?.length !== HASH_BYTES)
    throw new RangeError('A compact range has one hash for each bit of its size.')
  return bytes
}

function assertSize(size: number): void {
  if (!areSizes(size)) throw new RangeError('A size is a whole number from 0.')
}

function assertRange(leaves: Buffer, from: number, to: number): void {
  if (!areSizes(from, to) || from > to || to * HASH_BYTES > leaves.length)
    throw new RangeError('Too few leaves.')
}

function areSizes(...sizes: readonly number[]): boolean {
  return sizes.every((size) => Number.isSafeInteger(size) && size >= 0)
}

function areHashes(hashes: readonly Buffer[]): boolean {
  return hashes.every((one) => one.length === HASH_BYTES)
}
