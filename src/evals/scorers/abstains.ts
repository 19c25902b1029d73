/** A scorer of abstentions: whether an answer says that the sources do not hold what was asked. A heuristic, and measured as one. */

import { z } from 'zod'
import { abstentionPhrase } from './abstention-phrases.ts'
import { abstained, quoted, verdict } from './outcome.ts'
import type { ScorerKind } from './scorer.ts'

const settings = z.strictObject({})

export const abstains: ScorerKind<z.output<typeof settings>> = {
  kind: 'abstains',
  version: 1,
  summary: 'The answer says that the sources do not hold what was asked, and gives nothing else for it.',
  source: 'x',
  traps: 'x',
  values: 'binary',
  better: 'higher',
  settings,
  prepare() {
    return ({ output }) => {
      if (output.trim() === '') return abstained('The answer is empty, which may be anything.')
      const phrase = abstentionPhrase(output)
      return phrase === null
        ? verdict(false, 'The answer does not begin by saying that the sources do not hold it.')
        : verdict(true, `The answer says that the sources do not hold it: ${quoted(phrase)}.`)
    }
  },
}
