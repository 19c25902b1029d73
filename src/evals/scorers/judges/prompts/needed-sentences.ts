/** Asks which sentences of passages are needed to answer a question. */

import { z } from 'zod'
import type { JudgePrompt } from './judge-prompt.ts'

export const NEEDED_SENTENCES: JudgePrompt<{ needed: number[] }> = {
  name: 'needed-sentences',
  version: 1,
  text: `You pick from passages what is needed to answer a question. The material holds the question, and the sentences of the passages, numbered.

List the numbers of the sentences that state something the answer needs. Sentences that only touch the subject are not needed. Of several that say the same, all are needed. When none helps, the list is empty.

Form of your answer: {"needed": [number, ...]}`,
  answer: z.strictObject({ needed: z.array(z.number()) }),
}
