/** A judge of the passages shown: how much of them the question needs. */

import { z } from 'zod'
import { splitSentences } from '../../../lib/sentences.ts'
import { abstained, MAX_ANALYSED_CHARS, share, tooLong } from '../outcome.ts'
import type { ScorerKind } from '../scorer.ts'
import { thresholdSetting } from '../settings.ts'
import { askStructured, unjudged } from './ask-structured.ts'
import { judgeDetails, judgeSettings } from './judge.ts'
import { FRAME } from './prompts/frame.ts'
import { versionWith } from './prompts/judge-prompt.ts'
import { NEEDED_SENTENCES } from './prompts/needed-sentences.ts'
import { REPAIR } from './prompts/repair.ts'

/** Longer lists of numbers are not answered with care. */
const MAX_SENTENCES = 300

const settings = z.strictObject({ ...judgeSettings, threshold: thresholdSetting })

export const contextRelevance: ScorerKind<z.output<typeof settings>> = {
  kind: 'context-relevance',
  version: versionWith(1, FRAME, REPAIR, NEEDED_SENTENCES),
  summary: 'Which share of the sentences in the passages shown the question needs, as a model judges.',
  source:
    'Ragas, context relevance, Es et al. 2023, https://arxiv.org/abs/2309.15217; promptfoo (context-relevance).',
  traps:
    'Depends on how long passages are cut: one needed sentence in ten is .1, and nothing is wrong with that. Compare only indexes that are cut alike. Says nothing about what is missing. Judges the passages and not the answer, so an empty answer changes nothing. No passages, no question and more than 300 sentences abstain.',
  values: 'share',
  better: 'higher',
  judge: true,
  settings,
  prepare(given) {
    return async ({ input, contexts }, signal, tools) => {
      if (contexts.length === 0) return abstained('No passage was shown.')
      if (input.trim() === '') return abstained('The item asks nothing.')
      const chars = contexts.reduce((sum, text) => sum + text.length, 0)
      if (chars > MAX_ANALYSED_CHARS) return tooLong('The passages', chars, MAX_ANALYSED_CHARS)
      const sentences = contexts.flatMap((text) => splitSentences(text, MAX_SENTENCES + 1))
      if (sentences.length === 0) return abstained('The passages have no sentence.')
      if (sentences.length > MAX_SENTENCES) {
        return abstained(`The passages have more than ${MAX_SENTENCES} sentences.`)
      }
      const numbered = sentences.map(({ text }, at) => `${at + 1}: ${text}`).join('\n')
      const judged = await askStructured(
        { judge: given, tools, signal },
        NEEDED_SENTENCES,
        [
          { what: 'question', text: input },
          { what: 'sentences', text: numbered },
        ],
        ({ needed }) =>
          needed.every((number) => Number.isInteger(number) && number >= 1 && number <= sentences.length)
            ? null
            : `The sentences are numbered 1 to ${sentences.length}.`,
      )
      if (judged.kind !== 'read') return unjudged(judged)
      const needed = [...new Set(judged.answer.needed)].toSorted((a, b) => a - b)
      const reason = `${needed.length} of ${sentences.length} sentences are needed.`
      const details = judgeDetails(given, judged.repaired, { needed: needed.slice(0, 50) })
      return share(needed.length / sentences.length, given.threshold, reason, details)
    }
  },
}
