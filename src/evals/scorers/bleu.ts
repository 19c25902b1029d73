/** BLEU of one sentence (Papineni et al. 2002, https://aclanthology.org/P02-1040), smoothed as Chen and Cherry 2014 number it. Pure. */

import { countNgrams, overlap } from './tokens.ts'

const MAX_ORDER = 4
/** In place of no match, in n-grams: the value that NLTK and sacrebleu (`floor`) use. */
const EPSILON = 0.1

/**
 * What is done about an order without a match, which would make the geometric mean 0 (Chen and Cherry 2014,
 * https://aclanthology.org/W14-3346): `epsilon` counts 0.1 matches (method 1), `add-one` adds one to matches and n-grams
 * beyond single words (method 2, Lin and Och 2004), `exp` halves once more with every such order (method 3, NIST; the
 * default of sacrebleu).
 */
export const SMOOTHINGS = ['exp', 'none', 'epsilon', 'add-one'] as const
export type Smoothing = (typeof SMOOTHINGS)[number]

/**
 * From 0 to 1: the geometric mean of the clipped precisions of one to four tokens, times the brevity penalty against the
 * reference of the closest length (the shorter of two as close). Orders longer than the answer are left out of the mean, as
 * sacrebleu does for sentences; an answer without a single matching token has 0.
 */
export function sentenceBleu(
  answer: readonly string[],
  references: readonly (readonly string[])[],
  smoothing: Smoothing,
): number {
  const orders = Array.from({ length: Math.min(MAX_ORDER, answer.length) }, (_, at) => at + 1)
  const matches = orders.map((size) => clippedMatches(answer, references, size))
  if ((matches[0] ?? 0) === 0) return 0
  let halvings = 0
  let logarithms = 0
  for (const [at, size] of orders.entries()) {
    const total = answer.length - size + 1
    const matched = matches[at] ?? 0
    if (matched === 0) halvings += 1
    logarithms += Math.log(precision(matched, total, size, smoothing, halvings))
  }
  const penalty = Math.min(1, Math.exp(1 - closestLength(answer.length, references) / answer.length))
  return Math.min(1, penalty * Math.exp(logarithms / orders.length))
}

function precision(
  matched: number,
  total: number,
  size: number,
  smoothing: Smoothing,
  halvings: number,
): number {
  if (smoothing === 'add-one' && size > 1) return (matched + 1) / (total + 1)
  if (matched > 0) return matched / total
  if (smoothing === 'epsilon') return EPSILON / total
  return smoothing === 'exp' ? 1 / (2 ** halvings * total) : 0
}

/** Each n-gram at most as often as the reference has it that has it most often. */
function clippedMatches(
  answer: readonly string[],
  references: readonly (readonly string[])[],
  size: number,
): number {
  const most = new Map<string, number>()
  for (const reference of references) {
    for (const [ngram, count] of countNgrams(reference, size)) {
      most.set(ngram, Math.max(most.get(ngram) ?? 0, count))
    }
  }
  return overlap(countNgrams(answer, size), most)
}

function closestLength(length: number, references: readonly (readonly string[])[]): number {
  const lengths = references.map((reference) => reference.length)
  return lengths.toSorted((a, b) => Math.abs(a - length) - Math.abs(b - length) || a - b)[0] ?? 0
}
