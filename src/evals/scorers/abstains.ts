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
  source:
    'Phrases of Aval’s own for the languages of `refusal`; negative rejection of RGB, Chen et al. 2024, https://arxiv.org/abs/2309.01431.',
  traps:
    'Not `refusal`, which is being unwilling. A heuristic on the first 1,000 characters, figures on this page. An answer first and a gap afterwards is an answer; so is a gap with “However, passage 2 says …” behind it. “The text does not mention a fee” is read as an abstention where it may be the answer. Quotations are not read. Seven languages beside English are tried on few examples each. An empty answer abstains.',
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
