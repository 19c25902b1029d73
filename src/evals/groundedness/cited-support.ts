/** Whether the passages that each sentence of an answer cites support it, and which of them it would need. Local; opens nothing itself. */

import type { CitedStatement } from '../scorers/cited-statements.ts'
import { readClaims } from './claims.ts'
import { readEvidence } from './evidence.ts'
import { type Embed, judgeReading, LIMITS, readAnswer } from './ground.ts'
import { FITTED } from './weights.generated.ts'

/** `undecided`: within the band in which `grounded` abstains. */
type Support = 'supported' | 'unsupported' | 'undecided'

/** One sentence that claims something. `needed` says of each citation whether it counts; null where that is undecided. */
export type JudgedStatement = {
  text: string
  support: Support
  citations: readonly { number: number; needed: boolean | null }[]
}

/** Judgements of one answer; each reads a sentence beside some of the passages. */
export const MAX_CHECKS = 500

/**
 * Citation recall and precision of ALCE (Gao et al. 2023, section 4.2, https://arxiv.org/abs/2305.14627), with `grounded` in
 * the place of its entailment model. A sentence is supported when the passages that it cites support it together; one that
 * cites none that exists is not. A citation counts when its sentence is supported and it is not irrelevant: irrelevant is one
 * that does not support the sentence alone, while the others do without it. Sentences that claim nothing are left out. Null
 * when it would take more than MAX_CHECKS judgements. Rejects as `embed` does.
 */
export async function judgeStatements(
  embed: Embed,
  { statements, contexts }: { statements: readonly CitedStatement[]; contexts: readonly string[] },
  signal: AbortSignal,
): Promise<JudgedStatement[] | null> {
  const evidence = readEvidence(contexts, LIMITS.contextSentences + 1)
  const claiming = statements
    .filter(({ text }) => readClaims(text, evidence, 1).claims.length > 0)
    .map(({ text, cited }) => ({ text, cited: [...new Set(cited)] }))
  if (claiming.reduce((sum, { cited }) => sum + 1 + 2 * cited.length, 0) > MAX_CHECKS) return null
  const remembered = remembering(embed)
  const judged: JudgedStatement[] = []
  for (const { text, cited } of claiming) {
    const supportBy = (numbers: readonly number[]) =>
      supportOf(remembered, { statement: text, passages: shownOf(numbers, contexts) }, signal)
    judged.push(await judgeOne(text, cited, supportBy))
  }
  return judged
}

async function judgeOne(
  text: string,
  cited: readonly number[],
  supportBy: (numbers: readonly number[]) => Promise<Support>,
): Promise<JudgedStatement> {
  const support = await supportBy(cited)
  const citations: { number: number; needed: boolean | null }[] = []
  for (const number of cited) {
    const needed = support === 'supported' ? await isNeeded(number, cited, supportBy) : wanting(support)
    citations.push({ number, needed })
  }
  return { text, support, citations }
}

/** Of a supported sentence. */
async function isNeeded(
  number: number,
  cited: readonly number[],
  supportBy: (numbers: readonly number[]) => Promise<Support>,
): Promise<boolean | null> {
  const alone = await supportBy([number])
  if (alone === 'supported') return true
  const others = await supportBy(cited.filter((one) => one !== number))
  if (others === 'unsupported') return true
  return alone === 'unsupported' && others === 'supported' ? false : null
}

function wanting(support: Exclude<Support, 'supported'>): false | null {
  return support === 'unsupported' ? false : null
}

function shownOf(numbers: readonly number[], contexts: readonly string[]): string[] {
  return numbers.flatMap((number) => contexts[number - 1] ?? [])
}

async function supportOf(
  embed: Embed,
  { statement, passages }: { statement: string; passages: readonly string[] },
  signal: AbortSignal,
): Promise<Support> {
  if (passages.every((passage) => passage.trim() === '')) return 'unsupported'
  const reading = await readAnswer(embed, { contexts: passages, answer: statement }, signal)
  if ('abstained' in reading) return 'undecided'
  const { probability } = await judgeReading(reading, {
    model: FITTED.model,
    task: 'any',
    detector: null,
    signal,
  })
  if (probability <= FITTED.band.low) return 'unsupported'
  return probability >= FITTED.band.high ? 'supported' : 'undecided'
}

/** Passages are read again for every sentence; as many texts as the answer and its passages have are kept. */
function remembering(embed: Embed): Embed {
  const known = new Map<string, Float32Array>()
  return async (texts, signal) => {
    const missing = [...new Set(texts)].filter((text) => !known.has(text))
    const vectors = missing.length === 0 ? [] : await embed(missing, signal)
    for (const [at, text] of missing.entries()) known.set(text, vectors[at] ?? new Float32Array(0))
    return texts.map((text) => known.get(text) ?? new Float32Array(0))
  }
}
