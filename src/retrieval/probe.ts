/** Fixed texts whose vectors an index keeps, to notice another model behind the same name, of the same dimension too. */

export const PROBES = [
  'The quick brown fox jumps over the lazy dog near the river bank.',
  'An invoice is due thirty days after the goods were delivered.',
  'Photosynthesis turns light, water and carbon dioxide into sugar.',
] as const

/**
 * Least cosine between a probe's vector then and now. The same weights on another processor differ in the last digits,
 * int8 ones a little more; two models of one family differ by far more than this leaves.
 */
export const PROBE_BAR = 0.99
