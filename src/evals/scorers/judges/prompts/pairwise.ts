/** Asks which of two answers is better. */

import { z } from 'zod'
import type { JudgePrompt } from './judge-prompt.ts'

export const PAIRWISE: JudgePrompt<{ reason: string; better: 'first' | 'second' | 'tie' }> = {
  name: 'pairwise',
  version: 1,
  text: `You compare two answers. The material holds what makes an answer better, the question where it is known, the first answer and the second answer.

Judge by what is said to make an answer better and by nothing else. Which answer stands first is chance. Neither length nor an assured tone is a merit by itself. First write down in one or two sentences what decides it, then the verdict: "first", "second", or "tie" when neither is better.

Form of your answer: {"reason": text, "better": "first", "second" or "tie"}`,
  answer: z.strictObject({ reason: z.string(), better: z.enum(['first', 'second', 'tie']) }),
}
