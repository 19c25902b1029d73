/**
 * The same question in other words, by rules that leave its meaning alone: short forms written out and long ones shortened, and an
 * opening that asks for nothing more. Such changes are those that CheckList expects no other answer for (Ribeiro et al. 2020,
 * https://aclanthology.org/2020.acl-main.442, contractions and neutral additions). Traps: English alone; far less than a person
 * would reword, so no flips here do not promise that other words change nothing. Pure.
 */

import type { Perturbation } from './perturbation.ts'
import { rewriteProse } from './prose.ts'
import { changeQuestion } from './question.ts'

/** Long, short. “it's been” is “it has been”, so what is written out must not be followed by a participle. */
const FORMS: readonly (readonly [long: string, short: string])[] = [
  ['do not', 'don’t'],
  ['does not', 'doesn’t'],
  ['did not', 'didn’t'],
  ['is not', 'isn’t'],
  ['are not', 'aren’t'],
  ['was not', 'wasn’t'],
  ['were not', 'weren’t'],
  ['have not', 'haven’t'],
  ['has not', 'hasn’t'],
  ['had not', 'hadn’t'],
  ['should not', 'shouldn’t'],
  ['would not', 'wouldn’t'],
  ['could not', 'couldn’t'],
  ['cannot', 'can’t'],
  ['will not', 'won’t'],
  ['I am', 'I’m'],
  ['I have', 'I’ve'],
  ['I will', 'I’ll'],
  ['we are', 'we’re'],
  ['we have', 'we’ve'],
  ['you are', 'you’re'],
  ['they are', 'they’re'],
  ['what is', 'what’s'],
  ['where is', 'where’s'],
  ['who is', 'who’s'],
  ['how is', 'how’s'],
  ['that is', 'that’s'],
  ['it is', 'it’s'],
  ['there is', 'there’s'],
]
const SHORT = new Map(FORMS.map(([long, short]) => [long.toLowerCase(), short]))
const LONG = new Map(FORMS.map(([long, short]) => [short.toLowerCase(), long]))
const EDGE = "(?<![\\p{L}\\p{N}_’'-])"
const WORDS = (forms: readonly string[]) => forms.map((form) => form.replace('’', "[’']")).join('|')
const LONGS = [...SHORT.keys()]
/**
 * A long form is shortened before a word alone, as “I know what it is” has no short one, and one of “have” before what cannot be
 * had: “I have a cat” has none either.
 */
const FOUND = new RegExp(
  [
    `${EDGE}(?:${WORDS([...LONG.keys()])})(?![\\p{L}\\p{N}_’'-])(?!\\s+(?:been|got|had)\\b)`,
    `${EDGE}(?:${WORDS(LONGS.filter((long) => !long.endsWith(' have')))})(?=\\s+\\p{L})`,
    `${EDGE}(?:${WORDS(LONGS.filter((long) => long.endsWith(' have')))})(?=\\s+(?:been|got|bought|ordered|paid|received|returned|sent|lost|made|seen|tried)\\b)`,
  ].join('|'),
  'giu',
)
const WORDS_AHEAD =
  'I|you|we|they|he|she|it|there|this|that|these|those|the|an?|all|every|each|my|our|your|his|her|their'
/** “Will” and “May” are names too, and “list” and “name” things: they ask and order only before a word that says so. */
const ASKS = new RegExp(
  `^(?:(?:what|where|when|who|whom|whose|which|why|how|can|could|do|does|did|is|are|was|were|would|should|has|have)\\b|(?:will|may)\\s+(?:${WORDS_AHEAD})\\b)[\\s\\S]*\\?\\s*$`,
  'i',
)
const ORDERS = new RegExp(
  `^(?:(?:write|explain|summari[sz]e|tell|give|describe|translate|compare|classify|extract|rewrite)\\b|(?:list|name|show|find|answer)\\s+(?:me|us|\\d+|two|three|five|ten|${WORDS_AHEAD})\\b)`,
  'i',
)
const OPENINGS = ['I have a question: ', 'Quick question: ', 'I would like to know: '] as const

export const paraphrase: Perturbation = {
  name: 'paraphrase',
  version: 1,
  change(item, random) {
    return changeQuestion(
      item,
      (text) => open(rewriteProse(text, reform), random),
      'no rule says its question in other words',
    )
  },
}

/** As many capitals as it had: “What’s” is “What is”. */
function reform(prose: string): string {
  return prose.replace(FOUND, (found) => {
    const key = found.toLowerCase().replace("'", '’')
    const other = LONG.get(key) ?? SHORT.get(key) ?? found
    const isCapital = found[0] !== found[0]?.toLowerCase()
    return isCapital ? `${other[0]?.toUpperCase()}${other.slice(1)}` : other
  })
}

/** Only what is known to begin with no name loses its capital. */
function open(text: string, random: () => number): string {
  if (ORDERS.test(text)) return `Please ${lowered(text)}`
  if (!ASKS.test(text)) return text
  return `${OPENINGS[Math.floor(random() * OPENINGS.length)] ?? OPENINGS[0]}${lowered(text)}`
}

function lowered(text: string): string {
  return `${text[0]?.toLowerCase() ?? ''}${text.slice(1)}`
}
