/** A judge of two answers against each other, asked in both orders: a preference that turns with the order is none. */

import { z } from 'zod'
import { expectedTexts } from '../expected.ts'
import { type Abstained, abstained, share } from '../outcome.ts'
import type { Sample, ScorerKind } from '../scorer.ts'
import { thresholdSetting } from '../settings.ts'
import { askStructured, unjudged } from './ask-structured.ts'
import { type Asking, emptyAnswer, judgeDetails, judgeSettings, questionBlock, told } from './judge.ts'
import { FRAME } from './prompts/frame.ts'
import { versionWith } from './prompts/judge-prompt.ts'
import { PAIRWISE } from './prompts/pairwise.ts'
import { REPAIR } from './prompts/repair.ts'

const settings = z.strictObject({
  ...judgeSettings,
  other: z
    .string()
    .min(1)
    .max(50_000)
    .optional()
    .describe('the answer to compare with; left out, what the item expects'),
  criterion: z
    .string()
    .min(1)
    .max(20_000)
    .default('It answers the question correctly, completely and to the point.')
    .describe('what makes an answer better'),
  threshold: thresholdSetting,
})

export const pairwise: ScorerKind<z.output<typeof settings>> = {
  kind: 'pairwise',
  version: versionWith(1, FRAME, REPAIR, PAIRWISE),
  summary:
    'Whether the answer is better than another one, as a model judges in both orders: 1 better, 0 worse, ½ a tie or a judgement that turns with the order.',
  source:
    'MT-Bench, Zheng et al. 2023, https://arxiv.org/abs/2306.05685 (both orders, inconsistent is a tie); promptfoo (select-best); autoevals (Battle).',
  traps:
    'Judges prefer the first place, the longer answer and the answer of their own family; both orders mend the first alone. “Longer wins” alone agrees with people on 69 % of 200 pairs of MT-Bench. A tie may mean alike or cannot tell: `position_flip` among the details says which, and many of them mean that the judge is unfit. Better than a bad answer is not good. An empty answer abstains; equal texts tie without a question.',
  values: 'share',
  better: 'higher',
  judge: true,
  settings,
  prepare(given) {
    return async (sample, signal, tools) => {
      const nothing = emptyAnswer(sample)
      if (nothing !== null) return nothing
      const other = otherAnswer(sample, given.other)
      if (typeof other !== 'string') return other
      if (other.trim() === sample.output.trim()) {
        return share(0.5, given.threshold, 'Both answers are the same text.', { position_flip: false })
      }
      const asking = { judge: given, tools, signal }
      const [ownFirst, ownSecond] = await Promise.all([
        compare(asking, given.criterion, sample, [sample.output, other]),
        compare(asking, given.criterion, sample, [other, sample.output]),
      ])
      if (ownFirst.kind !== 'read') return unjudged(ownFirst)
      if (ownSecond.kind !== 'read') return unjudged(ownSecond)
      const forth = WORTH[ownFirst.answer.better]
      const back = 1 - WORTH[ownSecond.answer.better]
      const flips = forth !== back
      const value = flips ? 0.5 : forth
      const details = judgeDetails(given, ownFirst.repaired || ownSecond.repaired, {
        position_flip: flips,
        standing_first: ownFirst.answer.better,
        standing_second: ownSecond.answer.better,
      })
      const reason = flips
        ? 'The judgement turns with the order, which counts as a tie.'
        : `In both orders the answer is ${WORDS[value]}: ${told(ownFirst.answer.reason)}`
      return share(value, given.threshold, reason, details)
    }
  },
}

/** To the answer that stands first. */
const WORTH = { first: 1, second: 0, tie: 0.5 }
const WORDS: Readonly<Record<number, string>> = { 1: 'better', 0: 'worse', 0.5: 'as good' }

function otherAnswer(sample: Sample, other: string | undefined): string | Abstained {
  const expected = expectedTexts(sample, other)
  if ('outcome' in expected) return expected
  const [text = '', ...more] = expected.texts
  if (more.length > 0) return abstained('The item expects several texts, and a pair has one other answer.')
  return text.trim() === '' ? abstained('The other answer is empty.') : text
}

function compare(asking: Asking, criterion: string, sample: Sample, [first, second]: [string, string]) {
  return askStructured(asking, PAIRWISE, [
    { what: 'what makes an answer better', text: criterion },
    ...questionBlock(sample),
    { what: 'first answer', text: first },
    { what: 'second answer', text: second },
  ])
}
