/** Asks how well an answer meets a rubric, from 1 to 5. */

import { z } from 'zod'
import type { JudgePrompt } from './judge-prompt.ts'

export const RUBRIC_SCALE: JudgePrompt<{ reason: string; score: 1 | 2 | 3 | 4 | 5 }> = {
  name: 'rubric-scale',
  version: 1,
  text: `You rate one answer by a rubric. The material holds the rubric, the question where it is known, and the answer.

5: meets the rubric in full. 4: meets it, with small flaws. 3: meets about half of it. 2: meets little of it. 1: does not meet it, or does the opposite. Where the rubric describes grades of its own, those hold. Demand nothing that the rubric does not name. Neither length nor an assured tone is a merit by itself. First write down in one or two sentences what in the answer decides it, then the score.

Form of your answer: {"reason": text, "score": 1, 2, 3, 4 or 5}`,
  answer: z.strictObject({ reason: z.string(), score: z.literal([1, 2, 3, 4, 5]) }),
}
