/** Asks for the questions that an answer would be the answer to. */

import { z } from 'zod'
import type { JudgePrompt } from './judge-prompt.ts'

export const QUESTIONS: JudgePrompt<{ noncommittal: 'yes' | 'no'; questions: string[] }> = {
  name: 'questions',
  version: 1,
  text: `You are shown an answer and not the question. The material holds the answer, and how many questions are wanted.

Write that many questions, each of which the answer as a whole would be a fitting answer to, in the language of the answer and each in other words. Say besides whether the answer is noncommittal: evasive, vague or without content, such as one that says it does not know.

Form of your answer: {"noncommittal": "yes" or "no", "questions": [text, ...]}`,
  answer: z.strictObject({ noncommittal: z.enum(['yes', 'no']), questions: z.array(z.string()) }),
}
