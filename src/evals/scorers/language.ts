/** A scorer of the language an answer is written in. */

import { z } from 'zod'
import { nearest } from '../../lib/nearest.ts'
import { abstained, verdict } from './outcome.ts'
import type { ScorerKind } from './scorer.ts'
import { wrongSetting } from './settings.ts'

/** What eld tells apart, as it writes them; held by a test. */
export const LANGUAGES =
  'am ar az be bg bn ca cs da de el en es et eu fa fi fr gu he hi hr hu hy is it ja ka kn ko ku lo lt lv ml mr ms nl no or pa pl pt ro ru sk sl sq sr sv ta te th tl tr uk ur vi yo zh'.split(
    ' ',
  )
/** More tell nothing new, and the detector reads no more. */
const MAX_READ_CHARS = 1_000

const tag = z.string().regex(/^[a-zA-Z]{2}(?:-[a-zA-Z0-9]{2,8})*$/, 'a language tag such as en or pt-BR')
const settings = z.strictObject({
  value: z
    .union([tag, z.array(tag).min(1).max(60)])
    .optional()
    .describe('a language, or those that are all right; left out, the language of the question'),
})

export const language: ScorerKind<z.output<typeof settings>> = {
  kind: 'language',
  version: 1,
  summary: 'The answer is in the expected language, or in that of the question.',
  source:
    'eld 2.1 (n-grams of 60 languages), https://github.com/nitotm/efficient-language-detector-js; ISO 639-1.',
  traps:
    'On translated phrases of Django in 40 languages (mean of the languages) right for 77 % below 20 characters, 92 % below 50, 97 % from 50 on. Near relatives are mixed up: Indonesian nearly always passes for Malay (name both), Norwegian now and then for Danish. Code counts as English. Reads the first 1,000 characters, so a change of language later is not seen. An empty answer, and one too short to be sure, abstains.',
  values: 'binary',
  better: 'higher',
  settings,
  prepare({ value }) {
    const expected = value === undefined ? null : [value].flat().map(knownLanguage)
    return async ({ input, output }) => {
      const answered = await detectLanguage(output)
      if (answered === null) return abstained('The answer is too short or too mixed to tell its language.')
      const asked = expected ?? [await detectLanguage(input)].filter((one) => one !== null)
      if (asked.length === 0) return abstained('The question is too short or too mixed to tell its language.')
      const holds = asked.includes(answered)
      return verdict(holds, `The answer is in ${answered}, expected is ${asked.join(' or ')}.`, { answered })
    }
  },
}

/** The ISO 639-1 code, null when the detector is not sure. Its tables, some 150 MB in memory, are read at the first text. */
export async function detectLanguage(text: string): Promise<string | null> {
  const { eld } = await import('eld/small')
  const found = eld.detect(text.slice(0, MAX_READ_CHARS))
  return found.language !== '' && found.isReliable() ? found.language : null
}

/** Regions are not told apart; both forms of Norwegian are `no`. */
function knownLanguage(written: string): string {
  const primary = written.slice(0, 2).toLowerCase()
  const code = primary === 'nb' || primary === 'nn' ? 'no' : primary
  if (LANGUAGES.includes(code)) return code
  const meant = nearest(code, LANGUAGES)
  const hint = meant === null ? '' : ` The nearest one is "${meant}".`
  const message = `"${written}" is not one of the languages that are told apart: ${LANGUAGES.join(', ')}.${hint}`
  throw wrongSetting('value', message)
}
