/**
 * Scores that take a few lines and no fitting. A scorer that does not beat them has learnt nothing, so every report of
 * groundedness prints them. Higher always means better supported. Pure.
 */

import type { Claim } from './claims.ts'
import { longestCommon, nearestSentence, pairsSaid } from './features.ts'
import type { Reading } from './ground.ts'
import { readWords } from './words.ts'

export const FLOORS = [
  'unigram',
  'bigram',
  'rouge_l',
  'number_entity',
  'length',
  'tf_idf',
  'max_similarity',
] as const
export type Floors = Record<(typeof FLOORS)[number], number>

/** As ROUGE-L is cut in practice: more words of context cost more than they tell. */
const MAX_CONTEXT_WORDS = 1_500

/** `answer` as it was read. Unigram and ROUGE-L precision after Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries". */
export function floorsOf(answer: string, { evidence, claims, vectorOf }: Reading): Floors {
  const words = readWords(answer)
  const said = (forms: readonly string[]) => forms.filter((form) => evidence.holders.has(form)).length
  const context = evidence.sentences.flatMap((sentence) => sentence.words.all).slice(0, MAX_CONTEXT_WORDS)
  const marks = [...words.numbers, ...words.names]
  const meanOver = (read: (claim: Claim) => number) =>
    claims.reduce((sum, { claim }) => sum + read(claim), 0) / claims.length
  return {
    unigram: share(said(words.content), words.content.length),
    bigram: pairsSaid(words, evidence),
    rouge_l: share(longestCommon(words.all, context), words.all.length),
    number_entity: share(said(marks), marks.length),
    length: -words.all.length,
    tf_idf: meanOver(({ support }) => support.cosine),
    max_similarity: meanOver(({ text }) => nearestSentence(text, evidence, vectorOf)),
  }
}

/** Nothing asked for is nothing missing. */
function share(part: number, whole: number): number {
  return whole === 0 ? 1 : part / whole
}
