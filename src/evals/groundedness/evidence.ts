/** The context as sentences to hold a claim against, and which of them say most of it. Pure. */

import { splitSentences } from '../../lib/sentences.ts'
import { readWords, type Words } from './words.ts'

type EvidenceSentence = {
  /** Which of the contexts, and the offsets there, end exclusive. */
  context: number
  start: number
  end: number
  text: string
  words: Words
  forms: ReadonlySet<string>
  /** Length of the sentence's TF-IDF vector. */
  norm: number
}

export type Evidence = {
  sentences: readonly EvidenceSentence[]
  /** Pairs of neighbouring words, as `left right`. */
  pairs: ReadonlySet<string>
  /** ln(1 + sentences / sentences that say the form); what none says weighs like what one says. */
  weightOf: (form: string) => number
  /** Form of a word → the places of the sentences that say it. */
  holders: ReadonlyMap<string, readonly number[]>
}

/** A transcript without full stops is cut here, so that a window stays a window. */
const MAX_SENTENCE_WORDS = 60
const CUT_WORDS = 40

/** At most `maxSentences` sentences over all contexts together, in order. */
export function readEvidence(contexts: readonly string[], maxSentences: number): Evidence {
  const kept = contexts
    .flatMap((text, context) =>
      splitSentences(text, maxSentences)
        .flatMap((span) => cutLong(text, span))
        .map((span) => ({ context, ...span, words: readWords(span.text) })),
    )
    .filter(({ words }) => words.all.length > 0)
    .slice(0, maxSentences)
  const holders = new Map<string, number[]>()
  const pairs = new Set<string>()
  kept.forEach(({ words }, place) => {
    for (const form of new Set(words.all)) {
      const held = holders.get(form)
      if (held === undefined) holders.set(form, [place])
      else held.push(place)
    }
    words.all.forEach((form, at) => {
      if (at > 0) pairs.add(`${words.all[at - 1]} ${form}`)
    })
  })
  const weightOf = (form: string) => Math.log(1 + kept.length / (holders.get(form)?.length ?? 1))
  const sentences = kept.map((sentence) => ({
    ...sentence,
    forms: new Set(sentence.words.all),
    norm: Math.sqrt(
      [...countsOf(sentence.words.content)].reduce(
        (sum, [form, count]) => sum + (count * weightOf(form)) ** 2,
        0,
      ),
    ),
  }))
  return { sentences, pairs, weightOf, holders }
}

type Span = { start: number; end: number; text: string }

function cutLong(whole: string, span: Span): Span[] {
  const words = [...whole.slice(span.start, span.end).matchAll(/\S+/gu)]
  if (words.length <= MAX_SENTENCE_WORDS) return [span]
  const pieces: Span[] = []
  for (let from = 0; from < words.length; from += CUT_WORDS) {
    const [first, last] = [words[from], words[Math.min(from + CUT_WORDS, words.length) - 1]]
    if (first === undefined || last === undefined) continue
    const [start, end] = [span.start + first.index, span.start + last.index + last[0].length]
    pieces.push({ start, end, text: whole.slice(start, end).replace(/\s+/gu, ' ') })
  }
  return pieces
}

export type Support = {
  /** Places of the sentences that say most of the claim, best first: each adds most of what those before left unsaid. */
  places: readonly number[]
  /** Weighted share of the claim's content that the first, the first two, … say. */
  covered: readonly number[]
  /** Highest TF-IDF cosine with any one sentence. */
  cosine: number
}

/**
 * Greedy cover of a claim's content words by sentences of the context, weighted by rarity: what one reads as evidence when
 * a claim joins two facts. A longer sentence says more by chance, so its gain is divided by a slow power of its length.
 */
export function findSupport(claim: Words, evidence: Evidence, maxPlaces: number): Support {
  const left = new Map([...new Set(claim.content)].map((form) => [form, evidence.weightOf(form)]))
  const whole = [...left.values()].reduce((sum, weight) => sum + weight, 0)
  const places: number[] = []
  const covered: number[] = []
  let said = 0
  while (places.length < maxPlaces) {
    const gains = gainsOf(left, evidence)
    let best = -1
    let highest = 0
    for (const [place, gain] of gains) {
      const score = gain / (8 + (evidence.sentences[place]?.words.content.length ?? 0)) ** 0.3
      if (score > highest) [best, highest] = [place, score]
    }
    if (best < 0) break
    places.push(best)
    said += gains.get(best) ?? 0
    covered.push(whole === 0 ? 0 : said / whole)
    for (const form of evidence.sentences[best]?.forms ?? []) left.delete(form)
  }
  return { places, covered, cosine: highestCosine(claim, evidence) }
}

function gainsOf(left: ReadonlyMap<string, number>, { holders }: Evidence): Map<number, number> {
  const gains = new Map<number, number>()
  for (const [form, weight] of left) {
    for (const place of holders.get(form) ?? []) gains.set(place, (gains.get(place) ?? 0) + weight)
  }
  return gains
}

function highestCosine(claim: Words, { sentences, weightOf, holders }: Evidence): number {
  const products = new Map<number, number>()
  let squares = 0
  for (const [form, count] of countsOf(claim.content)) {
    const weight = weightOf(form)
    squares += (count * weight) ** 2
    for (const place of holders.get(form) ?? []) {
      products.set(place, (products.get(place) ?? 0) + count * weight * weight)
    }
  }
  const norm = Math.sqrt(squares)
  let highest = 0
  for (const [place, product] of products) {
    highest = Math.max(highest, product / (norm * (sentences[place]?.norm ?? 1) || 1))
  }
  return Math.min(1, highest)
}

function countsOf(forms: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const form of forms) counts.set(form, (counts.get(form) ?? 0) + 1)
  return counts
}
