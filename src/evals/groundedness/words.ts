/** A sentence as the features see it: stems of its words, the numbers and names it claims, and what turns it around. Pure. */

import { stemOf, wordsOf } from '../../lib/bm25.ts'
import { CONTRASTS, NEGATION, QUANTIFIERS, STOP_WORDS } from './lexicon.ts'

export type Words = {
  /** Forms of all words, in order. */
  all: readonly string[]
  /** Forms of the words that carry content, in order, repeats kept. */
  content: readonly string[]
  /** Form of a content word → the word as written, lower-case, for a vector of it. */
  written: ReadonlyMap<string, string>
  numbers: readonly string[]
  /** Forms of capitalised words; the first word of the sentence only when it is written like an acronym. */
  names: readonly string[]
  negations: number
  contrasts: readonly string[]
  quantifiers: readonly string[]
}

const NUMBER_WORDS: ReadonlyMap<string, string> = new Map(
  [
    `zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty`,
    '- - second third fourth fifth sixth seventh eighth ninth tenth',
  ].flatMap((line) => line.split(/\s+/u).map((word, value): [string, string] => [word, String(value)])),
)
/** A `billion` where the context says `million` is a wrong number. */
const MAGNITUDES: ReadonlySet<string> = new Set(
  ['hundred', 'thousand', 'million', 'billion', 'trillion', 'percent'].map(stemOf),
)
/** Looks back only from a capital: a run of dashes is then gone through once. */
const NAME = /(?=\p{Lu})(?<=[^\s.!?:"“][\s(“"'‘-]+)\p{Lu}[\p{L}\p{M}\p{N}]*/gu
const ACRONYM = /\b(?:\p{Lu}{2,}|\p{Lu}\p{Ll}+\p{Lu})[\p{L}\p{N}]*/gu

export function readWords(sentence: string): Words {
  const words = wordsOf(sentence)
  const all = words.map(formOf)
  const content = words.flatMap((word, at) => (carriesContent(word) ? [{ word, form: all[at] ?? '' }] : []))
  const named = [...sentence.matchAll(NAME), ...sentence.matchAll(ACRONYM)].flatMap(([name]) => wordsOf(name))
  const distinct = [...new Set(words)]
  return {
    all,
    content: content.map(({ form }) => form),
    written: new Map(content.map(({ word, form }) => [form, word])),
    numbers: [...new Set(all.filter((form) => /^\p{N}/u.test(form) || MAGNITUDES.has(form)))],
    names: [...new Set(named.filter((word) => !STOP_WORDS.has(word)).map(formOf))],
    negations: sentence.match(NEGATION)?.length ?? 0,
    contrasts: distinct.filter((word) => CONTRASTS.has(word)),
    quantifiers: distinct.filter((word) => QUANTIFIERS.has(word)),
  }
}

function carriesContent(word: string): boolean {
  if (STOP_WORDS.has(word) || CONTRASTS.has(word) || QUANTIFIERS.has(word)) return false
  return word.length > 1 || /\p{N}/u.test(word)
}

/** What must be equal to count as said: `1,200.50` → `1200.5`, `seven` → `7`, any other word → its stem. */
export function formOf(word: string): string {
  if (!/^\p{N}/u.test(word)) return NUMBER_WORDS.get(word) ?? stemOf(word)
  const plain = word.replace(/,(?=\d{3}(?:\D|$))/gu, '')
  return /^\d+\.\d+$/u.test(plain) ? String(Number(plain)) : plain
}
