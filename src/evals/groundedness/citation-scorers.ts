/** The scorers `citation-recall` and `citation-precision`: whether what an answer cites supports it, and whether it cites no more than that. */

import { z } from 'zod'
import { abstentionPhrase } from '../scorers/abstention-phrases.ts'
import { type CitedStatement, citedStatements } from '../scorers/cited-statements.ts'
import { type Abstained, abstained, clip, share } from '../scorers/outcome.ts'
import type { ScoreOutcome, ScorerKind, Tools } from '../scorers/scorer.ts'
import { thresholdSetting } from '../scorers/settings.ts'
import { type JudgedStatement, judgeStatements, MAX_CHECKS } from './cited-support.ts'
import { LIMITS } from './ground.ts'

const settings = z.strictObject({ threshold: thresholdSetting })
type Settings = z.output<typeof settings>

const MAX_SHOWN = 6
const SOURCE =
  'ALCE, Gao et al. 2023, https://arxiv.org/abs/2305.14627, section 4.2, with `grounded` in the place of its entailment model.'
const TRAPS =
  'Support is what `grounded` takes for it: words, numbers, names and negations. It abstains where `grounded` would for one of the judgements that decide; figures on this page. English.'

export const citationRecall: ScorerKind<Settings> = {
  kind: 'citation-recall',
  version: 1,
  summary: 'Which share of the sentences that claim something is supported by the passages that it cites.',
  source: SOURCE,
  traps: `${TRAPS} A sentence without a citation counts 0.`,
  values: 'share',
  better: 'higher',
  settings,
  prepare({ threshold }) {
    return async ({ output, contexts }, signal, { embed }) => {
      const judged = await readCited({ output, contexts, isCiting: false }, signal, embed)
      if ('outcome' in judged) return judged
      return recallOf(judged, threshold)
    }
  },
}

export const citationPrecision: ScorerKind<Settings> = {
  kind: 'citation-precision',
  version: 1,
  summary: 'Which share of the citations supports its sentence, alone or as one that the others need.',
  source: SOURCE,
  traps: `${TRAPS} Citing a passage that does not exist counts 0. Without a citation it abstains: \`citation-recall\` notices.`,
  values: 'share',
  better: 'higher',
  settings,
  prepare({ threshold }) {
    return async ({ output, contexts }, signal, { embed }) => {
      const judged = await readCited({ output, contexts, isCiting: true }, signal, embed)
      if ('outcome' in judged) return judged
      return precisionOf(judged, threshold)
    }
  },
}

async function readCited(
  { output, contexts, isCiting }: { output: string; contexts: readonly string[]; isCiting: boolean },
  signal: AbortSignal,
  embed: Tools['embed'],
): Promise<JudgedStatement[] | Abstained> {
  if (abstentionPhrase(output) !== null) return abstained('The answer only says that it cannot answer.')
  const statements = readable(output, contexts)
  if ('outcome' in statements) return statements
  if (isCiting && statements.every(({ cited }) => cited.length === 0))
    return abstained('The answer cites nothing.')
  const judged = await judgeStatements(embed, { statements, contexts }, signal)
  if (judged === null) return abstained(`Sentences and citations ask for more than ${MAX_CHECKS} judgements.`)
  if (judged.length === 0) return abstained('The answer claims nothing.')
  return judged
}

/** The sentences, or why they are not judged: the bounds of `grounded`. */
function readable(output: string, contexts: readonly string[]): CitedStatement[] | Abstained {
  if (contexts.every((context) => context.trim() === '')) return abstained('No passage was shown.')
  const characters = contexts.reduce((sum, context) => sum + context.length, 0)
  if (characters > LIMITS.contextCharacters || output.length > LIMITS.answerCharacters) {
    const { contextCharacters: most, answerCharacters } = LIMITS
    return abstained(`At most ${most} characters of passages and ${answerCharacters} of an answer are read.`)
  }
  const statements = citedStatements(output, LIMITS.claims + 1)
  return statements.length > LIMITS.claims
    ? abstained(`The answer has more than ${LIMITS.claims} sentences.`)
    : statements
}

function recallOf(judged: readonly JudgedStatement[], threshold: number | undefined): ScoreOutcome {
  const open = judged.filter(({ support }) => support === 'undecided').length
  if (open > 0) return abstained(`Of ${judged.length} sentences ${open} are too close to call.`)
  const supported = judged.filter(({ support }) => support === 'supported').length
  const reason = `${supported} of ${judged.length} sentences are supported by what they cite.`
  return share(supported / judged.length, threshold, reason, detailsOf(judged))
}

function precisionOf(judged: readonly JudgedStatement[], threshold: number | undefined): ScoreOutcome {
  const citations = judged.flatMap((one) => one.citations)
  if (citations.length === 0) return abstained('No sentence that claims something cites anything.')
  const open = citations.filter(({ needed }) => needed === null).length
  if (open > 0) return abstained(`Of ${citations.length} citations ${open} are too close to call.`)
  const needed = citations.filter((one) => one.needed).length
  const reason = `${needed} of ${citations.length} citations support their sentence.`
  return share(needed / citations.length, threshold, reason, detailsOf(judged))
}

/** The first sentences that are wanting, with their citations. */
function detailsOf(judged: readonly JudgedStatement[]) {
  const isWanting = ({ support, citations }: JudgedStatement) =>
    support !== 'supported' || citations.some(({ needed }) => needed !== true)
  const wanting = judged.filter(isWanting).slice(0, MAX_SHOWN)
  return wanting.map(({ text, support, citations }) => ({
    text: clip(text, 240),
    supported: support === 'supported',
    cited: citations.slice(0, 20).map(({ number, needed }) => ({ passage: number, counts: needed })),
  }))
}
