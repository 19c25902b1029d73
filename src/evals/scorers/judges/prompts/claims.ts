/** Takes an answer apart into claims that can be checked one by one. */

import { z } from 'zod'
import type { JudgePrompt } from './judge-prompt.ts'

export const CLAIMS: JudgePrompt<{ claims: string[] }> = {
  name: 'claims',
  version: 1,
  text: `You take an answer apart into the claims that it makes about the world. The material holds the question where it is known, and the answer.

A claim is one statement that is true or false by itself. Split sentences that state several. Write each so that it is understood without the others: put names in place of pronouns, and keep numbers, dates, conditions and negations as they are. Take over every claim, also those that you know to be wrong, and add none. Questions, greetings, offers of help, and statements that something is not known or cannot be answered are no claims. When there is none, the list is empty.

Form of your answer: {"claims": [text, ...]}`,
  answer: z.strictObject({ claims: z.array(z.string()) }),
}
