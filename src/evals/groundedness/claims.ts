/** The sentences of an answer that claim something, each with the sentences of the context that say most of it. Pure. */

import { splitSentences } from '../../lib/sentences.ts'
import { type Evidence, findSupport, type Support } from './evidence.ts'
import { readWords, type Words } from './words.ts'

export type Claim = {
  /** Offsets in the answer, end exclusive. */
  start: number
  end: number
  text: string
  words: Words
  support: Support
  /** Forms that its evidence says. */
  near: ReadonlySet<string>
}

/** A claim joins two facts often, three seldom. */
const MAX_PLACES = 3
/** What models write when the context does not answer: it claims nothing about the world, so nothing can support it. */
const REFUSAL =
  /\b(?:(?:un|not )able to (?:answer|determine|provide|find)|(?:can(?:not|['’]t| not)|could(?: not|n['’]t)) (?:answer|be (?:answered|determined|found)|determine|find|provide)|do(?:es)?(?: not|n['’]t) (?:know|have (?:enough|sufficient|any) information|(?:provide|contain|mention|include) (?:any |enough |sufficient )?(?:information|details?))|(?:passages?|context|documents?|texts?|articles?|sources?) (?:given |provided )?do(?:es)?(?: not|n['’]t) (?:provide|mention|specify|state|say|contain|include|answer|explain)|no (?:information|mention) (?:is |was )?(?:provided|given|available|found|about|on|in)|not (?:enough|sufficient) information|insufficient information)\b/iu

export type Claims = { claims: readonly Claim[]; refusals: number }

/** At most `maxClaims` claims; sentences without a word of content claim nothing, and refusals are only counted. */
export function readClaims(answer: string, evidence: Evidence, maxClaims: number): Claims {
  const sentences = splitSentences(answer, maxClaims)
    .map((span) => ({ ...span, words: readWords(span.text) }))
    .filter(({ words }) => words.content.length > 0)
  const claiming = sentences.filter(({ text }) => !REFUSAL.test(text))
  const claims = claiming.map((sentence) => {
    const support = findSupport(sentence.words, evidence, MAX_PLACES)
    const near = new Set(support.places.flatMap((place) => [...(evidence.sentences[place]?.forms ?? [])]))
    return { ...sentence, support, near }
  })
  return { claims, refusals: sentences.length - claiming.length }
}

/** What a claim needs vectors of: its text, the words its evidence does not say, and the words to compare them with. */
export function textsOf({ text, words, near, support }: Claim, { sentences }: Evidence): string[] {
  const novel = [...words.written].filter(([form]) => !near.has(form)).map(([, word]) => word)
  if (novel.length === 0) return [text]
  return [
    text,
    ...novel,
    ...support.places.flatMap((place) => [...(sentences[place]?.words.written.values() ?? [])]),
  ]
}
