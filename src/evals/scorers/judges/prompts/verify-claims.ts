/** Asks of each claim whether passages support it, with the words that do. */

import { z } from 'zod'
import type { JudgePrompt } from './judge-prompt.ts'

export type ClaimVerdict = { claim: number; evidence: string; supported: 'yes' | 'no' }

export const VERIFY_CLAIMS: JudgePrompt<{ verdicts: ClaimVerdict[] }> = {
  name: 'verify-claims',
  version: 1,
  text: `You check claims against passages. The material holds numbered passages, and a numbered list of claims.

A claim is supported when the passages state it or it follows from them directly. What you know besides does not count: a true claim that the passages do not hold is not supported. A claim of which a part is missing or contradicted is not supported.

Give one verdict for each claim, in their order. "evidence" is a quote of at most 30 words from a passage, word for word: the words that support the claim, or those that contradict it; an empty text when there are none.

Form of your answer: {"verdicts": [{"claim": number, "evidence": text, "supported": "yes" or "no"}, ...]}`,
  answer: z.strictObject({
    verdicts: z.array(
      z.strictObject({ claim: z.number(), evidence: z.string(), supported: z.enum(['yes', 'no']) }),
    ),
  }),
}
