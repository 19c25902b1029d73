/** Asks whether an answer meets a rubric. */

import { z } from 'zod'
import type { JudgePrompt } from './judge-prompt.ts'

export const RUBRIC_YES_NO: JudgePrompt<{ reason: string; verdict: 'yes' | 'no' }> = {
  name: 'rubric-yes-no',
  version: 1,
  text: `You check one answer against a rubric. The material holds the rubric, the question where it is known, and the answer.

The verdict is "yes" when the answer meets every demand of the rubric, and "no" when it misses any. Demand nothing that the rubric does not name. Neither length nor an assured tone is a merit by itself. First write down in one or two sentences what in the answer decides it, then the verdict.

Form of your answer: {"reason": text, "verdict": "yes" or "no"}`,
  answer: z.strictObject({ reason: z.string(), verdict: z.enum(['yes', 'no']) }),
}
