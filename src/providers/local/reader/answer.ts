/**
 * The extractive reader: quotes the sentences that best answer a question, or says that none does. It never
 * generates: every character inside its quotation marks stands in a text it was given.
 */

import { createBm25 } from '../../../lib/bm25.ts'
import { splitSentences } from '../../../lib/sentences.ts'
import { type Features, featuresOf, type SentenceView, termsOf } from './features.ts'
import { type ReadingTask, readMessages } from './messages.ts'
import { ANSWER_THRESHOLD, ANSWER_WEIGHTS, SENTENCE_WEIGHTS } from './weights.ts'

const NO_TEXT =
  'I can only quote from text you give me, and this message holds none: put it before your question, for example "[1] Shoes may be returned within 30 days." and then "Can I return shoes?"'
const NO_ANSWER =
  'The text given does not seem to answer that, and I only quote, so I would rather not guess.'
const NO_QUESTION = 'I found text to quote from but no question: ask one in the last user message.'

/** More sentences than this are narrowed to those that share most words with the question before any is embedded. */
const MAX_SENTENCES = 20_000
const MAX_EMBEDDED = 512
const MAX_QUOTES = 3
/** A second or third quote must come this close to the best, in log-odds: a wrong extra quote is worse than a missing one. */
const QUOTE_MARGIN = 0.7

type ReadOutcome = 'quoted' | 'abstained' | 'no_text' | 'no_question'
export type Reading = { outcome: ReadOutcome; text: string; probability: number }
export type RankedSentence = { text: string; block: number; score: number; features: Features }

/** Embeds texts to vectors of length 1, in order. */
export type Embed = (texts: readonly string[]) => Promise<Float32Array[]>

export type ReaderMessage = { role: string; text: string }

/** Answers from the contexts in `messages` as `readMessages` finds them. Deterministic. */
export async function readAnswer(embed: Embed, messages: readonly ReaderMessage[]): Promise<Reading> {
  const task = readMessages(messages)
  if (task.blocks.length === 0) return { outcome: 'no_text', text: NO_TEXT, probability: 0 }
  if (task.question === '') return { outcome: 'no_question', text: NO_QUESTION, probability: 0 }
  const ranked = await rankSentences(embed, task)
  const probability = answerProbability(ranked)
  if (probability < ANSWER_THRESHOLD) return { outcome: 'abstained', text: NO_ANSWER, probability }
  const best = ranked[0]?.score ?? 0
  const quotes = ranked.slice(0, MAX_QUOTES).filter((sentence) => sentence.score >= best - QUOTE_MARGIN)
  return {
    outcome: 'quoted',
    text: quotes.map(({ text, block }) => `“${text}” [${block}]`).join('\n'),
    probability,
  }
}

/** At most `MAX_EMBEDDED` sentences, in the text's order: those that share most with the question, else the first ones. */
function narrow<T extends { text: string }>(question: string, sentences: readonly T[]): readonly T[] {
  if (sentences.length <= MAX_EMBEDDED) return sentences
  const scores = createBm25(sentences.map(({ text }) => termsOf(text))).scores(termsOf(question))
  const order = sentences.map((_, at) => at).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b)
  const kept = new Set(order.slice(0, MAX_EMBEDDED))
  return sentences.filter((_, at) => kept.has(at))
}

/** Every sentence that may be quoted, best first; ties keep the order of the text. Questions are never quoted. */
export async function rankSentences(embed: Embed, task: ReadingTask): Promise<RankedSentence[]> {
  const sentences = task.blocks.flatMap(({ number, text }) =>
    splitSentences(text, MAX_SENTENCES).map((sentence) => ({ text: sentence.text, block: number })),
  )
  const quotable = sentences.filter(({ text }) => /[\p{L}\p{N}]/u.test(text) && !/[?？]["'”’)]*$/u.test(text))
  const candidates = narrow(task.question, quotable.slice(0, MAX_SENTENCES))
  if (candidates.length === 0) return []
  const [questionVector, ...vectors] = await embed([task.question, ...candidates.map(({ text }) => text)])
  const views: SentenceView[] = candidates.map((sentence, at) => ({
    ...sentence,
    vector: vectors[at] ?? new Float32Array(0),
  }))
  const features = featuresOf(task.question, questionVector ?? new Float32Array(0), views)
  return candidates
    .map((sentence, at) => ({
      ...sentence,
      features: features[at] ?? [],
      score: weigh(SENTENCE_WEIGHTS, features[at] ?? []),
    }))
    .sort((left, right) => right.score - left.score)
}

/** Probability that the texts answer the question at all, from the ranked sentences; 0 when there are none. */
export function answerProbability(ranked: readonly RankedSentence[]): number {
  return ranked.length === 0 ? 0 : 1 / (1 + Math.exp(-weigh(ANSWER_WEIGHTS, answerFeatures(ranked))))
}

/** What decides between answering and abstaining: the best sentence, and the best of each signal over all of them. */
export function answerFeatures(ranked: readonly RankedSentence[]): Features {
  const best = (at: number) =>
    ranked.reduce((most, sentence) => Math.max(most, sentence.features[at] ?? 0), -1)
  return [1, ranked[0]?.score ?? 0, best(1), best(2), best(6), ranked[0]?.features[4] ?? 0]
}

function weigh(weights: readonly number[], features: Features): number {
  return weights.reduce((sum, weight, at) => sum + weight * (features[at] ?? 0), 0)
}
