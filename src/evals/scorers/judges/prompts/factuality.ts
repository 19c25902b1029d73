/** Asks how the facts of an answer relate to those of a reference, by the five relations of openai/evals. */

import { z } from 'zod'
import type { JudgePrompt } from './judge-prompt.ts'

export const FACTUALITY: JudgePrompt<{ reason: string; relation: 'A' | 'B' | 'C' | 'D' | 'E' }> = {
  name: 'factuality',
  version: 1,
  text: `You compare the facts that an answer states with the facts of a reference. The material holds the question where it is known, one or several references, and the answer. Take the references for true. Where there are several, any of them is right: compare with the one that is closest to the answer. Style, order, wording and punctuation do not count.

A: all that the answer states is in the reference, and some of the reference is missing.
B: all of the reference is in the answer, and the answer states more, none of which contradicts the reference.
C: both state the same facts.
D: something in the answer contradicts the reference.
E: they differ, but in nothing that matters for whether the answer is right.

First write down in one or two sentences what decides it, then the letter.

Form of your answer: {"reason": text, "relation": "A", "B", "C", "D" or "E"}`,
  answer: z.strictObject({ reason: z.string(), relation: z.enum(['A', 'B', 'C', 'D', 'E']) }),
}
