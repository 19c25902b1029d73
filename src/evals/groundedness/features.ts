/** What one claim looks like beside its evidence: how much of it nobody said, and what in it was swapped, turned or added. Pure. */

import { cosineOf } from '../../retrieval/embed.ts'
import type { Claim } from './claims.ts'
import type { Evidence } from './evidence.ts'
import { createOpposites } from './lexicon.ts'
import { formOf, type Words } from './words.ts'

/** A unit vector of a text; undefined for one that nobody embedded. */
export type VectorOf = (text: string) => Float32Array | undefined

/**
 * Each is 0 or more and grows with the risk that the claim is unsupported, so that a weight below 0 would be nonsense.
 *
 * - unsaid: share of the content, by rarity, without a word of like meaning in the evidence; distant: from the nearest sentence
 * - loose…: word order and resemblance, which count only as far as the content is unsaid: a paraphrase is no fault
 * - missing…: said nowhere; far…: not in the evidence; stray…: said, but nowhere near what the claim says it of
 * - close…: the same small differences in a claim that the evidence otherwise says, as an edit would leave it
 */
export const FEATURES = [
  'unsaid',
  'distant',
  'looseOrder',
  'loosePairs',
  'looseCosine',
  'looseDistance',
  'missingNumbers',
  'farNumbers',
  'strayNumbers',
  'missingNames',
  'farNames',
  'strayNames',
  'opposites',
  'addedNegation',
  'lostNegation',
  'addedContrast',
  'addedQuantifier',
  'closeMissingNumbers',
  'closeMissingNames',
  'closeOpposites',
  'closeAddedNegation',
  'closeAddedContrast',
  'closeAddedQuantifier',
  'closeWeakest',
] as const

export type Features = Record<(typeof FEATURES)[number], number>

/** Content words to each side that tell what a number or a name is said of. */
const NEIGHBOURS = 2
const oppositesOf = createOpposites(formOf)

export function featuresOf(claim: Claim, evidence: Evidence, vectorOf: VectorOf): Features {
  const { close, unsaid, weakest } = coverage(claim, evidence, vectorOf)
  const marks = marksOf(claim, evidence)
  const loose = 1 - close
  const distant = 1 - nearestSentence(claim.text, evidence, vectorOf)
  return {
    unsaid,
    distant,
    looseOrder: loose * (1 - orderKept(claim, evidence)),
    loosePairs: loose * (1 - pairsSaid(claim.words, evidence)),
    looseCosine: loose * (1 - claim.support.cosine),
    looseDistance: loose * distant,
    ...marks,
    closeMissingNumbers: close * marks.missingNumbers,
    closeMissingNames: close * marks.missingNames,
    closeOpposites: close * marks.opposites,
    closeAddedNegation: close * marks.addedNegation,
    closeAddedContrast: close * marks.addedContrast,
    closeAddedQuantifier: close * marks.addedQuantifier,
    closeWeakest: close * weakest,
  }
}

/** `close`: share of the content, by rarity, that the evidence says word for word. */
function coverage(claim: Claim, evidence: Evidence, vectorOf: VectorOf) {
  const nearest = nearestWords(claim, evidence, vectorOf)
  let [total, said] = [0, 0]
  let least = 1
  for (const form of new Set(claim.words.content)) {
    const weight = evidence.weightOf(form)
    const likeness = nearest.get(form) ?? 1
    total += weight
    said += weight * likeness
    least = Math.min(least, likeness)
  }
  return {
    close: claim.support.covered.at(-1) ?? 0,
    unsaid: total === 0 ? 0 : 1 - said / total,
    weakest: 1 - least,
  }
}

/** Each content word that the evidence does not say → the highest cosine, at least 0, with a word that it does say. */
function nearestWords(
  { words, near, support }: Claim,
  { sentences }: Evidence,
  vectorOf: VectorOf,
): Map<string, number> {
  const said = support.places
    .flatMap((place) => [...(sentences[place]?.words.written.values() ?? [])])
    .map(vectorOf)
    .filter((vector) => vector !== undefined)
  const nearest = new Map<string, number>()
  for (const [form, word] of words.written) {
    if (near.has(form)) continue
    const own = vectorOf(word)
    nearest.set(form, own === undefined ? 0 : Math.max(0, ...said.map((vector) => cosineOf(own, vector))))
  }
  return nearest
}

/** Counts as ln(1 + count): the second missing number adds less than the first. */
function marksOf({ words, near, support }: Claim, evidence: Evidence) {
  const { holders, sentences } = evidence
  const evidenceWords = support.places.flatMap((place) => sentences[place]?.words ?? [])
  const first = sentences[support.places[0] ?? -1]
  const count = (forms: readonly string[], isRisk: (form: string) => boolean) =>
    Math.log1p(forms.filter(isRisk).length)
  const isMissing = (form: string) => !holders.has(form)
  const isFar = (form: string) => !near.has(form)
  const isStray = (form: string) => strays(form, words, evidence)
  const turns = (form: string) =>
    isMissing(form) && oppositesOf(form).some((other) => first?.forms.has(other))
  const isNegatedNear = evidenceWords.some(({ negations }) => negations > 0)
  return {
    missingNumbers: count(words.numbers, isMissing),
    farNumbers: count(words.numbers, isFar),
    strayNumbers: count(words.numbers, isStray),
    missingNames: count(words.names, isMissing),
    farNames: count(words.names, isFar),
    strayNames: count(words.names, isStray),
    opposites: count(words.all, turns),
    addedNegation: words.negations > 0 && !isNegatedNear ? 1 : 0,
    lostNegation: words.negations === 0 && (first?.words.negations ?? 0) > 0 ? (support.covered[0] ?? 0) : 0,
    addedContrast: count(words.contrasts, (word) => isFar(formOf(word))),
    addedQuantifier: count(words.quantifiers, (word) => isFar(formOf(word))),
  }
}

/** Whether the context says `mark`, but in no sentence with a content word that stands near it in the claim. */
function strays(mark: string, { content }: Words, { holders }: Evidence): boolean {
  const held = new Set(holders.get(mark))
  const at = content.indexOf(mark)
  if (held.size === 0 || at < 0) return false
  const around = content
    .slice(Math.max(0, at - NEIGHBOURS), at + NEIGHBOURS + 1)
    .filter((form) => form !== mark)
  return around.length > 0 && !around.some((form) => holders.get(form)?.some((place) => held.has(place)))
}

/** ROUGE-L precision against the first sentence of the evidence. */
function orderKept({ words, support }: Claim, { sentences }: Evidence): number {
  const first = sentences[support.places[0] ?? -1]
  return first === undefined ? 0 : longestCommon(words.all, first.words.all) / words.all.length
}

/** Bigram precision against the whole context. */
export function pairsSaid({ all }: Words, { pairs }: Evidence): number {
  if (all.length < 2) return 1
  const said = all.filter((form, at) => at > 0 && pairs.has(`${all[at - 1]} ${form}`)).length
  return said / (all.length - 1)
}

/** Highest cosine with a sentence of the context, at least 0. */
export function nearestSentence(text: string, { sentences }: Evidence, vectorOf: VectorOf): number {
  const own = vectorOf(text)
  if (own === undefined) return 0
  return sentences.reduce((highest, sentence) => {
    const vector = vectorOf(sentence.text)
    return vector === undefined ? highest : Math.max(highest, cosineOf(own, vector))
  }, 0)
}

/** Length of the longest common subsequence, in one row of memory. Work: the product of the lengths. */
export function longestCommon(a: readonly string[], b: readonly string[]): number {
  const row = new Uint16Array(b.length + 1)
  for (const word of a) {
    let diagonal = 0
    for (let at = 1; at <= b.length; at += 1) {
      const above = row[at] ?? 0
      row[at] = word === b[at - 1] ? diagonal + 1 : Math.max(above, row[at - 1] ?? 0)
      diagonal = above
    }
  }
  return row[b.length] ?? 0
}
