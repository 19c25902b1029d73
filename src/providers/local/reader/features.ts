/** What the reader looks at in a sentence before it quotes it. Pure: words and vectors in, numbers out. */

import { type Bm25, createBm25, stemOf, wordsOf } from '../../../lib/bm25.ts'

/** One number each, in the order of `FEATURE_NAMES`. */
export type Features = readonly number[]
export const FEATURE_NAMES = [
  'bias',
  'cosine',
  'coverage',
  'bm25',
  'hint',
  'before',
  'nearby',
  'length',
] as const

// Function words and the words of asking itself: they are in every text and say nothing about this one.
const STOP_WORDS = new Set(
  `a an the this that these those some any each every all both and or but nor so if then than as of at by for
  with about against between into through during before after above below to from up down in out on off over under
  again further once here there is are was were be been being am do does did doing done have has had having can could
  may might must shall should will would i me my we us our you your he him his she her it its they them their what
  which who whom whose when where why how many much not no yes also just only very too own same such other more most
  s t d ll re ve m please tell give name describe explain list according called know known`
    .split(/\s+/u)
    .map(stemOf),
)

/** Stems of the words that carry meaning; all stems when a text has none. */
export function termsOf(text: string): string[] {
  const stems = wordsOf(text).map(stemOf)
  const meaning = stems.filter((stem) => !STOP_WORDS.has(stem))
  return meaning.length > 0 ? meaning : stems
}

const MONTHS = 'january|february|march|april|may|june|july|august|september|october|november|december'
const NUMBER_WORDS =
  'one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|fifty|hundred|thousand|million|billion|half|twice|once|none|no'
const NUMBER = new RegExp(`\\p{N}|\\b(?:${NUMBER_WORDS})\\b`, 'iu')
const DATE = new RegExp(
  `\\b\\d{3,4}s?\\b|\\b(?:${MONTHS}|century|decade|monday|tuesday|wednesday|thursday|friday|saturday|sunday|today|tomorrow)\\b`,
  'iu',
)
const NAME = /(?<=\S\s+(?:["'“‘(])?)\p{Lu}[\p{L}.'’-]+/gu
const REASON =
  /\b(?:because|since|due to|owing|so that|in order to|as a result|caused?|therefore|to avoid|to prevent|thanks to)\b/iu

/** 1 when the sentence holds the kind of thing the question asks for, -1 when it lacks it, 0 when it asks for no kind. */
function questionHint(question: string, sentence: string): number {
  const asked = question.toLowerCase()
  if (/\b(?:when|what year|which year|what date|what day|what month|what time|what century)\b/u.test(asked)) {
    return DATE.test(sentence) ? 1 : -1
  }
  if (
    /\bhow (?:many|much|long|far|old|tall|big|large|high|often|fast|deep|wide|heavy)\b|\bwhat (?:percent|number|percentage|amount|price)/u.test(
      asked,
    )
  ) {
    return NUMBER.test(sentence) ? 1 : -1
  }
  if (/\bwhy\b|\bwhat (?:caused|is the reason)\b/u.test(asked)) return REASON.test(sentence) ? 1 : -1
  if (/\b(?:who|whom|whose|where)\b|\bwhich (?:city|country|person|player|team|state)\b/u.test(asked)) {
    const known = new Set(wordsOf(question))
    const names = sentence.match(NAME) ?? []
    return names.some((name) => wordsOf(name).some((word) => !known.has(word))) ? 1 : -1
  }
  return 0
}

export type SentenceView = { text: string; vector: Float32Array; block: number }

/** Features of every sentence for one question. Vectors have length 1, so that their product is the cosine. */
export function featuresOf(
  question: string,
  questionVector: Float32Array,
  sentences: readonly SentenceView[],
): Features[] {
  const terms = [...new Set(termsOf(question))]
  const sentenceTerms = sentences.map((sentence) => termsOf(sentence.text))
  const bm25 = createBm25(sentenceTerms)
  const lexical = bm25.scores(terms)
  const best = terms.reduce((sum, term) => sum + bm25.inverseFrequency(term) * 2.2, 0) || 1
  const coverage = sentenceTerms.map((words) => coverageOf(bm25, terms, new Set(words)))
  return sentences.map((sentence, at) => {
    const previous = sentences[at - 1]?.block === sentence.block ? at - 1 : -1
    const nearby = new Set(sentenceTerms.slice(Math.max(0, at - 2), at + 2).flat())
    return [
      1,
      cosine(questionVector, sentence.vector),
      coverage[at] ?? 0,
      (lexical[at] ?? 0) / best,
      questionHint(question, sentence.text),
      previous < 0 ? 0 : (coverage[previous] ?? 0),
      coverageOf(bm25, terms, nearby),
      Math.min(1, (sentenceTerms[at]?.length ?? 0) / 30),
    ]
  })
}

/** Product of two vectors of length 1. */
export function cosine(left: Float32Array, right: Float32Array): number {
  let sum = 0
  for (let at = 0; at < left.length; at += 1) sum += (left[at] ?? 0) * (right[at] ?? 0)
  return sum
}

function coverageOf(bm25: Bm25, terms: readonly string[], words: ReadonlySet<string>): number {
  let held = 0
  let total = 0
  for (const term of terms) {
    const weight = bm25.inverseFrequency(term)
    total += weight
    if (words.has(term)) held += weight
  }
  return total === 0 ? 0 : held / total
}
