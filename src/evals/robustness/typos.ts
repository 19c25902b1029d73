/**
 * Slips of a hand on a keyboard, about one in twelve words: a neighbouring key, two letters in the wrong order, one left out.
 * The kinds are those of character noise in CheckList (Ribeiro et al. 2020, https://aclanthology.org/2020.acl-main.442) and
 * Belinkov and Bisk (2018, https://arxiv.org/abs/1711.02173); rows are those of a QWERTY keyboard. Traps: a slip can make
 * another word (“from”, “form”), and a name in small letters is a word like any other. Pure.
 */

import type { Perturbation } from './perturbation.ts'
import { proseParts, rewriteProse } from './prose.ts'
import { changeQuestion } from './question.ts'

const RATE = 1 / 12
const ROWS = ['qwertyuiop', 'asdfghjkl', 'zxcvbnm']
/** A word all of small letters after its first, with blanks or a mark of prose around it: no number, path, code or placeholder. */
const WORD = /(?<=^|[\s(“"])\p{L}\p{Ll}{3,}(?=$|[\s.,;:!?)”"])/gu

export const typos: Perturbation = {
  name: 'typos',
  version: 1,
  change(item, random) {
    return changeQuestion(
      item,
      (text) => mistype(text, random),
      'its question has no word of four small letters',
    )
  },
}

/** One slip at least, where there is a word to slip in. */
function mistype(text: string, random: () => number): string {
  const prose = proseParts(text).filter(({ isProse }) => isProse)
  const count = prose.reduce((sum, { part }) => sum + (part.match(WORD)?.length ?? 0), 0)
  const certain = Math.floor(random() * count)
  let word = -1
  return rewriteProse(text, (part) =>
    part.replace(WORD, (found) => {
      word += 1
      return random() < RATE || word === certain ? slip(found, random) : found
    }),
  )
}

/** Never of the first letter, which readers need most. Two letters that are the same are not turned round. */
function slip(word: string, random: () => number): string {
  const letters = [...word]
  const at = 1 + Math.floor(random() * (letters.length - 2))
  const [here = '', next = ''] = letters.slice(at, at + 2)
  const kind = random()
  const near = neighbour(here, random)
  if (kind < 1 / 3 && near !== null) letters[at] = near
  else if (kind < 2 / 3 && here !== next) letters.splice(at, 2, next, here)
  else letters.splice(at, 1)
  return letters.join('')
}

function neighbour(letter: string, random: () => number): string | null {
  const row = ROWS.find((keys) => keys.includes(letter))
  if (row === undefined) return null
  const at = row.indexOf(letter)
  const near = [row[at - 1], row[at + 1]].filter((key) => key !== undefined)
  return near[Math.floor(random() * near.length)] ?? null
}
