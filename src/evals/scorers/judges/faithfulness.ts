/** A judge of whether an answer rests on the passages it was shown: claim by claim. */

import { z } from 'zod'
import type { JsonObject } from '../../../lib/json.ts'
import { abstained, clip, listed, share } from '../outcome.ts'
import type { ScoreOutcome, ScorerKind } from '../scorer.ts'
import { thresholdSetting } from '../settings.ts'
import { askStructured, type Unjudged, unjudged } from './ask-structured.ts'
import {
  type Asking,
  emptyAnswer,
  judgeDetails,
  judgeSettings,
  oneLine,
  questionBlock,
  told,
} from './judge.ts'
import { CLAIMS } from './prompts/claims.ts'
import { FRAME } from './prompts/frame.ts'
import { versionWith } from './prompts/judge-prompt.ts'
import { REPAIR } from './prompts/repair.ts'
import { type ClaimVerdict, VERIFY_CLAIMS } from './prompts/verify-claims.ts'

/** A judge loses count in long lists; every part costs a question that holds all passages. */
const CLAIMS_PER_QUESTION = 20
/** Four questions; more claims are a report and no answer. */
const MAX_CLAIMS = 80
const MAX_SHOWN = 10
const MAX_SHOWN_CHARS = 150

const settings = z.strictObject({ ...judgeSettings, threshold: thresholdSetting })

export const faithfulness: ScorerKind<z.output<typeof settings>> = {
  kind: 'faithfulness',
  version: versionWith(1, FRAME, REPAIR, CLAIMS, VERIFY_CLAIMS),
  summary:
    'Which share of the claims in the answer the passages shown support: a model takes the answer apart into claims, and then checks each.',
  source:
    'Ragas, faithfulness, Es et al. 2023, https://arxiv.org/abs/2309.15217; promptfoo (context-faithfulness).',
  traps:
    'Supported by the passages is not true, and a true claim that they do not hold is unsupported. Rests on how the judge cuts claims: their number is among the details, and more words mean more easy claims, so verbosity lifts it. Passages are judged in the order shown; position matters to judges. Words compared alone come close (unigram precision, ρ .646 with people on mtRAG, a published judge .589): report such a floor beside it. No claims, as in a refusal, abstains and is not 1; so do an empty answer, more than 80 claims, and no passages.',
  values: 'share',
  better: 'higher',
  judge: true,
  settings,
  prepare(given) {
    return async (sample, signal, tools) => {
      const nothing = emptyAnswer(sample)
      if (nothing !== null) return nothing
      if (sample.contexts.length === 0) return abstained('No passage was shown.')
      const asking = { judge: given, tools, signal }
      const blocks = [...questionBlock(sample), { what: 'answer', text: sample.output }]
      const found = await askStructured(asking, CLAIMS, blocks)
      if (found.kind !== 'read') return unjudged(found)
      const claims = found.answer.claims.map(oneLine).filter((claim) => claim !== '')
      if (claims.length === 0) return abstained('The answer makes no claim.')
      if (claims.length > MAX_CLAIMS) {
        return abstained(`The answer makes ${claims.length} claims, and at most ${MAX_CLAIMS} are checked.`)
      }
      const checked = await verify(asking, claims, sample.contexts)
      if ('kind' in checked) return unjudged(checked)
      return supportedShare(claims, checked, sample.contexts, {
        ...given,
        repaired: found.repaired || checked.repaired,
      })
    }
  },
}

type Checked = { verdicts: readonly ClaimVerdict[]; repaired: boolean }

/** One verdict for each claim, in their order. */
async function verify(
  asking: Asking,
  claims: readonly string[],
  contexts: readonly string[],
): Promise<Checked | Unjudged> {
  const passages = contexts.map((text, at) => ({ what: `passage ${at + 1}`, text }))
  const verdicts: ClaimVerdict[] = []
  let repaired = false
  for (let from = 0; from < claims.length; from += CLAIMS_PER_QUESTION) {
    const part = claims.slice(from, from + CLAIMS_PER_QUESTION)
    const list = part.map((claim, at) => `${at + 1}: ${claim}`).join('\n')
    const judged = await askStructured(
      asking,
      VERIFY_CLAIMS,
      [...passages, { what: 'claims', text: list }],
      (answer) => (isNumbered(answer.verdicts, part.length) ? null : countMistake(part.length)),
    )
    if (judged.kind !== 'read') return judged
    verdicts.push(...judged.answer.verdicts)
    repaired ||= judged.repaired
  }
  return { verdicts, repaired }
}

function isNumbered(verdicts: readonly ClaimVerdict[], count: number): boolean {
  return verdicts.length === count && verdicts.every(({ claim }, at) => claim === at + 1)
}

function countMistake(count: number): string {
  return `There are ${count} claims: give one verdict for each, numbered 1 to ${count} in that order.`
}

function supportedShare(
  claims: readonly string[],
  { verdicts }: Checked,
  contexts: readonly string[],
  given: z.output<typeof settings> & { repaired: boolean },
): ScoreOutcome {
  const unsupported = claims.flatMap((claim, at) =>
    verdicts[at]?.supported === 'yes' ? [] : [{ claim, evidence: verdicts[at]?.evidence ?? '' }],
  )
  const supported = claims.length - unsupported.length
  const details: JsonObject = {
    claims: claims.length,
    unsupported: unsupported.slice(0, MAX_SHOWN).map(({ claim, evidence }) => ({
      claim: clip(claim, MAX_SHOWN_CHARS),
      evidence: told(evidence, MAX_SHOWN_CHARS),
    })),
    quotes_not_found: quotesNotFound(verdicts, contexts),
  }
  const missing = unsupported.length === 0 ? '' : ` Not: ${listed(unsupported.map(({ claim }) => claim))}.`
  return share(
    supported / claims.length,
    given.threshold,
    `The passages support ${supported} of ${claims.length} claims.${missing}`,
    judgeDetails(given, given.repaired, details),
  )
}

/** How many claims are called supported by words that stand in no passage: a judge that invents its evidence. */
function quotesNotFound(verdicts: readonly ClaimVerdict[], contexts: readonly string[]): number {
  const texts = contexts.map(plain)
  return verdicts.filter(({ supported, evidence }) => {
    const quote = plain(evidence)
    return supported === 'yes' && !texts.some((text) => quote !== '' && text.includes(quote))
  }).length
}

/** Letters and digits alone: judges change quotes, dashes and case. */
function plain(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
}
