/** A judge of an answer by a single criterion. */

import { z } from 'zod'
import { verdict } from '../outcome.ts'
import type { ScorerKind } from '../scorer.ts'
import { askStructured, unjudged } from './ask-structured.ts'
import { emptyAnswer, judgeDetails, judgeSettings, questionBlock, told } from './judge.ts'
import { CLOSED_QA } from './prompts/closed-qa.ts'
import { FRAME } from './prompts/frame.ts'
import { versionWith } from './prompts/judge-prompt.ts'
import { REPAIR } from './prompts/repair.ts'

const settings = z.strictObject({
  ...judgeSettings,
  criterion: z.string().min(1).max(20_000).describe('what the answer has to do, in words'),
})

export const closedQa: ScorerKind<z.output<typeof settings>> = {
  kind: 'closed-qa',
  version: versionWith(1, FRAME, REPAIR, CLOSED_QA),
  summary: 'The answer meets a criterion, as a model judges.',
  source:
    'openai/evals (modelgraded closedqa); promptfoo (model-graded-closedqa); autoevals, https://github.com/braintrustdata/autoevals (ClosedQA).',
  traps:
    'One criterion and nothing else: an answer that is wrong may meet it. Two demands in one criterion are judged as both or either, as the judge reads them. Judges agree with assured answers. An empty answer abstains, also for `not-closed-qa`.',
  values: 'binary',
  better: 'higher',
  judge: true,
  settings,
  prepare(given) {
    return async (sample, signal, tools) => {
      const nothing = emptyAnswer(sample)
      if (nothing !== null) return nothing
      const judged = await askStructured({ judge: given, tools, signal }, CLOSED_QA, [
        { what: 'criterion', text: given.criterion },
        ...questionBlock(sample),
        { what: 'answer', text: sample.output },
      ])
      if (judged.kind !== 'read') return unjudged(judged)
      const { meets, reason } = judged.answer
      const words = `The judge says the criterion is ${meets === 'Y' ? 'met' : 'not met'}: ${told(reason)}`
      return verdict(meets === 'Y', words, judgeDetails(given, judged.repaired))
    }
  },
}
