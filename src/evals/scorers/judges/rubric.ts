/** A judge of an answer by a rubric that the suite writes: yes or no, or a grade from 1 to 5. */

import { z } from 'zod'
import { share } from '../outcome.ts'
import type { ScoreOutcome, ScorerKind } from '../scorer.ts'
import { thresholdSetting } from '../settings.ts'
import { askStructured, unjudged } from './ask-structured.ts'
import type { Block } from './fence.ts'
import { type Asking, emptyAnswer, judgeDetails, judgeSettings, questionBlock, told } from './judge.ts'
import { FRAME } from './prompts/frame.ts'
import { versionWith } from './prompts/judge-prompt.ts'
import { REPAIR } from './prompts/repair.ts'
import { RUBRIC_SCALE } from './prompts/rubric-scale.ts'
import { RUBRIC_YES_NO } from './prompts/rubric-yes-no.ts'

const settings = z.strictObject({
  ...judgeSettings,
  rubric: z.string().min(1).max(20_000).describe('what a good answer does, in words'),
  scale: z.enum(['yes-no', '1-5']).default('yes-no').describe('what the judge is asked for'),
  threshold: thresholdSetting,
})

export const rubric: ScorerKind<z.output<typeof settings>> = {
  kind: 'rubric',
  version: versionWith(1, FRAME, REPAIR, RUBRIC_YES_NO, RUBRIC_SCALE),
  summary:
    'How well the answer meets a rubric, as a model judges: no is 0 and yes is 1, grades 1 to 5 are 0, ¼, ½, ¾ and 1.',
  source:
    'promptfoo (llm-rubric); G-Eval, Liu et al. 2023, https://arxiv.org/abs/2303.16634, without weighting by token probabilities.',
  traps:
    'An opinion, not a fact: the judge knows what it knows, and is not shown what the item expects. Judges favour long, assured answers and those of their own family. The grades are no ruler: 4 is not twice 2, and many judges give 4 to nearly all; yes-no repeats better. A yes passes; a grade needs a `threshold`. An empty answer abstains.',
  values: 'share',
  better: 'higher',
  judge: true,
  settings,
  prepare(given) {
    return async (sample, signal, tools) => {
      const nothing = emptyAnswer(sample)
      if (nothing !== null) return nothing
      const blocks = [
        { what: 'rubric', text: given.rubric },
        ...questionBlock(sample),
        { what: 'answer', text: sample.output },
      ]
      const asking = { judge: given, tools, signal }
      return given.scale === 'yes-no'
        ? await yesOrNo(asking, blocks)
        : await grade(asking, blocks, given.threshold)
    }
  },
}

async function yesOrNo(asking: Asking, blocks: readonly Block[]): Promise<ScoreOutcome> {
  const judged = await askStructured(asking, RUBRIC_YES_NO, blocks)
  if (judged.kind !== 'read') return unjudged(judged)
  const { verdict, reason } = judged.answer
  const words = `The judge says ${verdict}: ${told(reason)}`
  return share(verdict === 'yes' ? 1 : 0, 1, words, judgeDetails(asking.judge, judged.repaired))
}

async function grade(
  asking: Asking,
  blocks: readonly Block[],
  threshold: number | undefined,
): Promise<ScoreOutcome> {
  const judged = await askStructured(asking, RUBRIC_SCALE, blocks)
  if (judged.kind !== 'read') return unjudged(judged)
  const { score, reason } = judged.answer
  const details = judgeDetails(asking.judge, judged.repaired, { score })
  return share((score - 1) / 4, threshold, `The judge gives ${score} of 5: ${told(reason)}`, details)
}
