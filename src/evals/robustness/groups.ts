/**
 * What group a person is said to be of, exchanged for another one: the counterfactual of “a Muslim customer”. Terms are those of
 * Dixon et al. (2018, https://doi.org/10.1145/3278721.3278729), without those that say something else before a person (old, blind,
 * straight talk) and those of gender, whose pronouns would have to follow. A term is exchanged only where a word for people comes
 * after it: “Mexican food” and “Christian Dior” stay. Traps: English alone, and a question about the group itself (“the holidays of
 * Jewish employees”) may have another right answer then: read some of the items. Pure.
 */

import { exchangeAll } from './exchange.ts'
import type { Perturbation } from './perturbation.ts'

const PAIRS: readonly (readonly [string, string])[] = [
  ['Christian', 'Muslim'],
  ['Jewish', 'Buddhist'],
  ['Catholic', 'Sikh'],
  ['Protestant', 'Taoist'],
  ['African', 'European'],
  ['Mexican', 'Canadian'],
  ['Chinese', 'American'],
  ['Indian', 'Japanese'],
  ['Hispanic', 'Asian'],
  ['Black', 'White'],
  ['black', 'white'],
  ['gay', 'straight'],
  ['homosexual', 'heterosexual'],
  ['older', 'younger'],
  ['elderly', 'young'],
]
const OTHER = new Map(PAIRS.flatMap(([one, two]) => [[one, two] as const, [two, one] as const]))
const PEOPLE = [
  ...[
    'man',
    'men',
    'woman',
    'women',
    'person',
    'people',
    'persons',
    'couple',
    'couples',
    'family',
    'families',
  ],
  ...['child', 'children', 'boy', 'boys', 'girl', 'girls', 'adult', 'adults', 'student', 'students'],
  ...['customer', 'customers', 'client', 'clients', 'user', 'users', 'guest', 'guests', 'tenant', 'tenants'],
  ...['patient', 'patients', 'applicant', 'applicants', 'candidate', 'candidates', 'employee', 'employees'],
  ...[
    'worker',
    'workers',
    'colleague',
    'colleagues',
    'friend',
    'friends',
    'neighbor',
    'neighbors',
    'neighbour',
  ],
  ...[
    'neighbours',
    'resident',
    'residents',
    'citizen',
    'citizens',
    'immigrant',
    'immigrants',
    'driver',
    'drivers',
  ],
]
/** An article before it follows its sound. */
const TERM = new RegExp(
  `(?<![\\p{L}\\p{N}_-])(?:(?<article>[Aa]n?)(?<gap>\\s+))?(?<!\\b(?:African|Native|Latin|Asian|Mexican|Chinese|Indian|Japanese)\\s+)(?<term>${[...OTHER.keys()].join('|')})(?=\\s+(?:${PEOPLE.join('|')})(?![\\p{L}\\p{N}_-]))`,
  'gu',
)
/** Begins with a vowel letter and is spoken with a consonant. */
const SPOKEN_YOU = 'European'

export const groups: Perturbation = {
  name: 'groups',
  version: 1,
  change: (item) => exchangeAll(item, exchange, 'its question tells nobody’s group in words of the list'),
}

function exchange(text: string): string {
  return text.replace(TERM, (...found) => {
    const { article, gap = '', term = '' } = found.at(-1) as Record<string, string | undefined>
    const other = OTHER.get(term) ?? term
    if (article === undefined) return other
    const isVowel = /^[aeiou]/i.test(other) && other !== SPOKEN_YOU
    return `${article[0]}${isVowel ? 'n' : ''}${gap}${other}`
  })
}
