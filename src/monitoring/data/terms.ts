/** Words that tell two sets of questions apart, none of which only a few people used. Pure. */

import { logOddsOfWords, type WordCount } from '../../lib/statistics/log-odds.ts'
import type { Terms } from './finding.ts'

/** A question and whose it is. */
export type Asked = { subject: string | null; question: string }

/**
 * A word is shown when at least so many people used it: k-anonymity (Sweeney 2002, https://doi.org/10.1142/S0218488502001648) with
 * k = 5. Requests that name nobody may all be of one person, and together count as one.
 */
const LEAST_PEOPLE = 5
const MAX_TERMS = 8
/** z of a standard normal number at 99 %, two-sided: less may be chance. */
const LEAST_Z = 2.58
/** A longer one is hardly a word, and more of a text says little more. */
const WORD = /\p{L}[\p{L}\p{M}'’-]{2,29}/gu
const MAX_WORDS = 400

/** Letters alone, so that no number, address or token can be among them. Counted once a question, however often it says it. */
export function separatingTerms(recent: readonly Asked[], baseline: readonly Asked[]): Terms {
  const people = new Map<string, Set<string>>()
  const counts = new Map<string, WordCount>()
  for (const [side, asked] of [
    ['first', recent],
    ['second', baseline],
  ] as const) {
    for (const { subject, question } of asked) {
      for (const word of wordsOf(question)) {
        const count = counts.get(word) ?? { word, first: 0, second: 0 }
        count[side] += 1
        counts.set(word, count)
        people.set(word, (people.get(word) ?? new Set()).add(subject ?? ''))
      }
    }
  }
  const odds = logOddsOfWords([...counts.values()])
    .filter(({ word, z }) => Math.abs(z) >= LEAST_Z && (people.get(word)?.size ?? 0) >= LEAST_PEOPLE)
    .sort((a, b) => Math.abs(b.z) - Math.abs(a.z) || (a.word < b.word ? -1 : 1))
    .map(({ word, z }) => ({ word, z: Math.round(z * 100) / 100 }))
  return {
    recent: odds.filter(({ z }) => z > 0).slice(0, MAX_TERMS),
    baseline: odds.filter(({ z }) => z < 0).slice(0, MAX_TERMS),
  }
}

function wordsOf(question: string): Set<string> {
  return new Set(question.toLowerCase().match(WORD)?.slice(0, MAX_WORDS))
}
