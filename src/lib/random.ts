/** Numbers that look random and repeat with their seed. Never for keys, ids or anything that must not be guessed. */

/**
 * A source of numbers in [0, 1), the same for the same seed (its low 32 bits count). Tommy Ettinger's mulberry32: 32 bits
 * of state, so at most 2^32 numbers before it begins again.
 *
 * @example const random = seededRandom(7)
 */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** The same numbers for the same name, and others for another one: whatever is drawn by name depends on nothing else. */
export function namedRandom(name: string): () => number {
  let seed = 0
  for (const letter of name) seed = (Math.imul(seed, 31) + (letter.codePointAt(0) ?? 0)) | 0
  return seededRandom(seed)
}
