/** Asks whether an answer meets a single criterion. */

import { z } from 'zod'
import type { JudgePrompt } from './judge-prompt.ts'

export const CLOSED_QA: JudgePrompt<{ reason: string; meets: 'Y' | 'N' }> = {
  name: 'closed-qa',
  version: 1,
  text: `You check whether an answer to a task meets one criterion. The material holds the task where it is known, the criterion, and the answer. Judge by the criterion alone, and not by whether the answer is good otherwise. First write down in one or two sentences, step by step, what decides it, then the letter: Y when the answer meets the criterion, N when it does not.

Form of your answer: {"reason": text, "meets": "Y" or "N"}`,
  answer: z.strictObject({ reason: z.string(), meets: z.enum(['Y', 'N']) }),
}
