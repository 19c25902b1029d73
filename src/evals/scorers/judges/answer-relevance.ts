/** A judge of whether an answer is about the question: by the questions that it would be the answer to. */

import { z } from 'zod'
import { cosineOf } from '../../../retrieval/embed.ts'
import { abstained, clip, rounded, share } from '../outcome.ts'
import type { ScorerKind } from '../scorer.ts'
import { thresholdSetting } from '../settings.ts'
import { askStructured, unjudged } from './ask-structured.ts'
import { emptyAnswer, judgeDetails, judgeSettings, oneLine } from './judge.ts'
import { FRAME } from './prompts/frame.ts'
import { versionWith } from './prompts/judge-prompt.ts'
import { QUESTIONS } from './prompts/questions.ts'
import { REPAIR } from './prompts/repair.ts'

const settings = z.strictObject({
  ...judgeSettings,
  questions: z.int().min(1).max(10).default(3).describe('how many questions are made of the answer'),
  threshold: thresholdSetting,
})

export const answerRelevance: ScorerKind<z.output<typeof settings>> = {
  kind: 'answer-relevance',
  version: versionWith(1, FRAME, REPAIR, QUESTIONS),
  summary:
    'How close the question is to questions that a model makes of the answer: the mean of their cosines, or 0 for a noncommittal answer.',
  source:
    'Ragas, answer relevance, Es et al. 2023, https://arxiv.org/abs/2309.15217, with all questions made at once; promptfoo (answer-relevance).',
  traps:
    'Whether the answer is on the subject, not whether it is right. Vectors are of the model that ships with Aval: values of another embedding model are another measure, and related texts have a cosine well above 0. A cosine can be negative: below 0 is 0, and the reason says so. Whether “I do not know” is right is not asked: it has 0. An empty answer and an item without a question abstain.',
  values: 'share',
  better: 'higher',
  judge: true,
  settings,
  prepare(given) {
    return async (sample, signal, tools) => {
      const nothing = emptyAnswer(sample)
      if (nothing !== null) return nothing
      if (sample.input.trim() === '') return abstained('The item asks nothing.')
      const wanted = given.questions
      const judged = await askStructured(
        { judge: given, tools, signal },
        QUESTIONS,
        [
          { what: 'answer', text: sample.output },
          { what: 'number of questions', text: String(wanted) },
        ],
        ({ questions }) => (areThere(questions, wanted) ? null : `Give ${wanted} questions.`),
      )
      if (judged.kind !== 'read') return unjudged(judged)
      const { noncommittal, questions } = judged.answer
      const details = judgeDetails(given, judged.repaired, {
        noncommittal: noncommittal === 'yes',
        questions: questions.map((question) => clip(oneLine(question), 200)),
      })
      if (noncommittal === 'yes') return share(0, given.threshold, 'The answer is noncommittal.', details)
      const [own, ...made] = await tools.embed([sample.input, ...questions], signal)
      if (own === undefined) throw new Error('The question has no vector.')
      const mean = made.reduce((sum, vector) => sum + cosineOf(own, vector), 0) / made.length
      const value = Math.min(1, Math.max(0, mean))
      const clipped = value === mean || Math.abs(value - mean) < 1e-6 ? '' : ' Counted as 0.'
      const reason = `The mean cosine of ${wanted} questions with the one asked is ${rounded(mean)}.${clipped}`
      return share(value, given.threshold, reason, details)
    }
  },
}

function areThere(questions: readonly string[], wanted: number): boolean {
  return questions.length === wanted && questions.every((question) => question.trim() !== '')
}
