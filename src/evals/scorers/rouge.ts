/** ROUGE-N and ROUGE-L: how much of a reference an answer has in common with it (Lin 2004, https://aclanthology.org/W04-1013). Pure. */

import { countNgrams, overlap } from './tokens.ts'

/** Each from 0 to 1. */
export type Agreement = { precision: number; recall: number; f1: number }

/** Sections 2 and 3 of the paper with one reference: n-grams in common over those of either side. */
export function rougeN(answer: readonly string[], reference: readonly string[], size: number): Agreement {
  const common = overlap(countNgrams(answer, size), countNgrams(reference, size))
  return agreement(common, answer.length - size + 1, reference.length - size + 1)
}

/** Section 3.1: the longest common subsequence over the tokens of either side; the whole texts as one sentence each. */
export function rougeL(answer: readonly string[], reference: readonly string[]): Agreement {
  return agreement(longestCommonSubsequence(answer, reference), answer.length, reference.length)
}

/** F1 is the paper's F with β = 1, as rouge-score has it. */
function agreement(common: number, answered: number, expected: number): Agreement {
  if (common === 0) return { precision: 0, recall: 0, f1: 0 }
  return { precision: common / answered, recall: common / expected, f1: (2 * common) / (answered + expected) }
}

/** Its length; one row of the table at a time. */
function longestCommonSubsequence(one: readonly string[], other: readonly string[]): number {
  const numbers = new Map<string, number>()
  const numbered = (tokens: readonly string[]) =>
    Uint32Array.from(tokens, (token) => {
      const known = numbers.get(token) ?? numbers.size
      numbers.set(token, known)
      return known
    })
  const [rows, columns] = [numbered(one), numbered(other)]
  const row = new Uint32Array(columns.length + 1)
  for (const token of rows) {
    let diagonal = 0
    for (let at = 1; at < row.length; at += 1) {
      const above = row[at] ?? 0
      row[at] = columns[at - 1] === token ? diagonal + 1 : Math.max(above, row[at - 1] ?? 0)
      diagonal = above
    }
  }
  return row[columns.length] ?? 0
}
