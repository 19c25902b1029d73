/** Scorers of the citations in an answer: whether [n] names a passage that was shown, and which sentences have one. */

import { z } from 'zod'
import { citations, citedStatements } from './cited-statements.ts'
import { abstained, MAX_ANALYSED_CHARS, share, tooLong } from './outcome.ts'
import type { ScorerKind } from './scorer.ts'
import { thresholdSetting } from './settings.ts'

const MAX_SENTENCES = 20_000

const citationSettings = z.strictObject({ threshold: thresholdSetting })

export const citesContext: ScorerKind<z.output<typeof citationSettings>> = {
  kind: 'cites-context',
  version: 1,
  summary: 'Which share of the citations [n] in the answer names a passage that was shown.',
  source:
    'The form of ALCE, Gao et al. 2023, https://arxiv.org/abs/2305.14627, without its judgement of support.',
  traps:
    'That a passage exists does not mean it says so. Reads [1], [1, 2] and [1–3]; any other number in square brackets is taken for a citation too, a year for one that does not exist. Without a citation it abstains, the empty answer too: `cited-sentences` notices. Without passages it abstains.',
  values: 'share',
  better: 'higher',
  settings: citationSettings,
  prepare({ threshold }) {
    return ({ output, contexts }) => {
      if (contexts.length === 0) return abstained('No passage was shown.')
      if (output.length > MAX_ANALYSED_CHARS) return tooLong('The answer', output.length, MAX_ANALYSED_CHARS)
      const cited = citations(output)
      if (cited.length === 0) return abstained('The answer cites nothing.')
      const missing = cited.filter((number) => !exists(number, contexts))
      const found = cited.length - missing.length
      const reason = `${found} of ${cited.length} citations name one of ${contexts.length} passages.`
      return share(found / cited.length, threshold, reason, { missing: [...new Set(missing)].slice(0, 20) })
    }
  },
}

export const citedSentences: ScorerKind<z.output<typeof citationSettings>> = {
  kind: 'cited-sentences',
  version: 1,
  summary: 'Which share of the sentences of the answer cites a passage that was shown.',
  source:
    'The form of ALCE, Gao et al. 2023, https://arxiv.org/abs/2305.14627, without its judgement of support.',
  traps:
    'Not every sentence needs a source, such as a greeting or a conclusion: 1 is seldom the aim. A citation behind the full stop belongs to the sentence before it. An empty answer and no passages abstain.',
  values: 'share',
  better: 'higher',
  settings: citationSettings,
  prepare({ threshold }) {
    return ({ output, contexts }) => {
      if (contexts.length === 0) return abstained('No passage was shown.')
      if (output.length > MAX_ANALYSED_CHARS) return tooLong('The answer', output.length, MAX_ANALYSED_CHARS)
      const sentences = citedStatements(output, MAX_SENTENCES + 1)
      if (sentences.length > MAX_SENTENCES)
        return abstained(`The answer has more than ${MAX_SENTENCES} sentences.`)
      if (sentences.length === 0) return abstained('The answer has no sentence.')
      const cites = (numbers: readonly number[]) => numbers.some((number) => exists(number, contexts))
      const citing = sentences.filter(({ cited }) => cites(cited)).length
      const reason = `${citing} of ${sentences.length} sentences cite a passage.`
      return share(citing / sentences.length, threshold, reason)
    }
  },
}

function exists(number: number, contexts: readonly string[]): boolean {
  return number >= 1 && number <= contexts.length
}
