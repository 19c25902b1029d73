/** Vectors and readings for tests of groundedness: words of one line are alike, all other words have nothing in common. */

import type { Embed, Reading } from '../../src/evals/groundedness/ground.ts'
import { readAnswer } from '../../src/evals/groundedness/ground.ts'
import { wordsOf } from '../../src/lib/bm25.ts'

const SYNONYMS = [
  ['purchase', 'buy', 'bought', 'acquired'],
  ['firm', 'company', 'business'],
]
const DIMENSIONS = 256

/** A text is the mean of its words, each a unit vector of its own unless a synonym shares it. */
export const wordEmbed: Embed = async (texts) => {
  return texts.map((text) => {
    const vector = new Float32Array(DIMENSIONS)
    for (const word of wordsOf(text)) {
      const at = placeOf(word)
      vector[at] = (vector[at] ?? 0) + 1
    }
    const length = Math.hypot(...vector) || 1
    return vector.map((value) => value / length)
  })
}

function placeOf(word: string): number {
  const group = SYNONYMS.findIndex((words) => words.includes(word))
  if (group >= 0) return group
  let hash = 7
  for (const character of word) hash = (Math.imul(hash, 31) + (character.codePointAt(0) ?? 0)) | 0
  return SYNONYMS.length + ((hash >>> 1) % (DIMENSIONS - SYNONYMS.length))
}

export async function readingOf(context: string, answer: string): Promise<Reading> {
  const reading = await readAnswer(wordEmbed, { contexts: [context], answer }, new AbortController().signal)
  if ('abstained' in reading) throw new Error(reading.abstained)
  return reading
}
