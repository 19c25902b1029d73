/** Scorers of how alike an answer and a reference are by their characters and words. None of them reads meaning. */

import { distance } from 'fastest-levenshtein'
import { z } from 'zod'
import { SMOOTHINGS, sentenceBleu } from './bleu.ts'
import { expectedTexts } from './expected.ts'
import { type Abstained, abstained, MAX_ANALYSED_CHARS, rounded, share, tooLong } from './outcome.ts'
import { type Agreement, rougeL, rougeN } from './rouge.ts'
import type { Sample, ScorerKind } from './scorer.ts'
import { textSetting, thresholdSetting } from './settings.ts'
import { bleuTokens, rougeTokens } from './tokens.ts'

/** Steps of a table of every character with every other one: about a tenth of a second, 32 to a step. */
const MAX_EDIT_CELLS = 1_000_000_000
/** The same for words, one to a step: 5,000 against 5,000. */
const MAX_SUBSEQUENCE_CELLS = 25_000_000
const WORDS_ONLY =
  'Words in common, not meaning: a paraphrase scores low and a negation high. Scores of different tasks or lengths do not compare. Chinese, Japanese and Thai are compared by character. An empty answer has 0; an expected text without a letter or digit abstains.'

const levenshteinSettings = z.strictObject({
  value: textSetting,
  max_distance: z.int().min(0).optional().describe('passed up to that many edits, as in promptfoo'),
  threshold: thresholdSetting,
})

export const levenshtein: ScorerKind<z.output<typeof levenshteinSettings>> = {
  kind: 'levenshtein',
  version: 1,
  summary: 'One less the edits (insert, delete, replace a character) over the length of the longer text.',
  source:
    'Levenshtein 1966; promptfoo (levenshtein, passed by the distance); autoevals (Levenshtein, the similarity).',
  traps:
    'Typing, not meaning: "not" costs four edits. Of several texts the most alike counts. Counted in UTF-16 units, so an emoji is two. Two empty texts have 1. When the lengths multiply to more than a billion it abstains.',
  values: 'share',
  better: 'higher',
  settings: levenshteinSettings,
  prepare({ value, max_distance: maxDistance, threshold }) {
    return (sample) => {
      const expected = expectedTexts(sample, value)
      if ('outcome' in expected) return expected
      const { output } = sample
      const chars = expected.texts.reduce((sum, text) => sum + text.length, 0)
      if (output.length * chars > MAX_EDIT_CELLS) {
        return abstained(`${output.length} × ${chars} characters are more than this scorer compares.`)
      }
      const compared = expected.texts.map((text) => {
        const edits = distance(output, text)
        return { edits, similarity: 1 - edits / Math.max(1, output.length, text.length) }
      })
      const similarity = Math.max(...compared.map((one) => one.similarity))
      const edits = Math.min(...compared.map((one) => one.edits))
      const outcome = share(similarity, threshold, `Similarity ${rounded(similarity)}, ${edits} edits.`, {
        distance: edits,
      })
      if (maxDistance === undefined || outcome.outcome !== 'scored') return outcome
      return { ...outcome, passed: edits <= maxDistance && outcome.passed !== false }
    }
  },
}

const measureSetting = z
  .enum(['f1', 'precision', 'recall'])
  .default('f1')
  .describe('over the tokens of both, of the answer, or of the reference')

const rougeNSettings = z.strictObject({
  value: textSetting,
  n: z.int().min(1).max(9).default(1).describe('how many words in a row'),
  measure: measureSetting,
  threshold: thresholdSetting,
})

export const rougeNKind: ScorerKind<z.output<typeof rougeNSettings>> = {
  kind: 'rouge-n',
  version: 1,
  summary: 'Runs of n words that answer and reference have in common; of several references the best.',
  source:
    'Lin 2004, https://aclanthology.org/W04-1013; tokens as in rouge-score without stemming. promptfoo passes from 0.75 on.',
  traps: `${WORDS_ONLY} Texts of fewer than n words score 0.`,
  values: 'share',
  better: 'higher',
  settings: rougeNSettings,
  prepare({ value, n, measure, threshold }) {
    return (sample) => {
      const tokens = tokenised(sample, value, rougeTokens)
      if ('outcome' in tokens) return tokens
      const best = bestOf(
        tokens.references.map((reference) => rougeN(tokens.answer, reference, n)),
        measure,
      )
      return share(best[measure], threshold, described(`ROUGE-${n}`, best), best)
    }
  },
}

const rougeLSettings = rougeNSettings.omit({ n: true })

export const rougeLKind: ScorerKind<z.output<typeof rougeLSettings>> = {
  kind: 'rouge-l',
  version: 1,
  summary: 'The longest sequence of words that answer and reference have in the same order, gaps allowed.',
  source:
    'Lin 2004, section 3.1, https://aclanthology.org/W04-1013, with β = 1 as in rouge-score (`rougeL`).',
  traps: `${WORDS_ONLY} When the numbers of words multiply to more than 25 million it abstains.`,
  values: 'share',
  better: 'higher',
  settings: rougeLSettings,
  prepare({ value, measure, threshold }) {
    return (sample) => {
      const tokens = tokenised(sample, value, rougeTokens)
      if ('outcome' in tokens) return tokens
      const words = tokens.references.flat().length
      if (tokens.answer.length * words > MAX_SUBSEQUENCE_CELLS) {
        return abstained(`${tokens.answer.length} × ${words} words are more than this scorer compares.`)
      }
      const best = bestOf(
        tokens.references.map((reference) => rougeL(tokens.answer, reference)),
        measure,
      )
      return share(best[measure], threshold, described('ROUGE-L', best), best)
    }
  },
}

const bleuSettings = z.strictObject({
  value: textSetting,
  smoothing: z.enum(SMOOTHINGS).default('exp').describe('what is done about runs of words that never match'),
  lowercase: z.boolean().default(false).describe('compare in lower case'),
  threshold: thresholdSetting,
})

export const bleu: ScorerKind<z.output<typeof bleuSettings>> = {
  kind: 'bleu',
  version: 1,
  summary:
    'Precision of runs of one to four words against one or several references, with a penalty for brevity.',
  source:
    'Papineni et al. 2002, https://aclanthology.org/P02-1040; smoothing of Chen and Cherry 2014, https://aclanthology.org/W14-3346 (methods 1 to 3); tokens of sacrebleu (13a). promptfoo passes from 0.5 on.',
  traps: `${WORDS_ONLY} Made for whole corpora: the mean of sentence scores is not the BLEU that papers print. Compare only with the same smoothing, case and tokens.`,
  values: 'share',
  better: 'higher',
  settings: bleuSettings,
  prepare({ value, smoothing, lowercase, threshold }) {
    const tokensOf = (text: string) => bleuTokens(lowercase ? text.toLowerCase() : text)
    return (sample) => {
      const tokens = tokenised(sample, value, tokensOf)
      if ('outcome' in tokens) return tokens
      const score = sentenceBleu(tokens.answer, tokens.references, smoothing)
      return share(score, threshold, `BLEU ${rounded(score)} with smoothing ${smoothing}.`)
    }
  },
}

/** Answer and references as tokens; the abstention when one is too long to take apart or a reference has no token. */
function tokenised(
  sample: Sample,
  value: string | string[] | undefined,
  tokensOf: (text: string) => string[],
): { answer: string[]; references: string[][] } | Abstained {
  const expected = expectedTexts(sample, value)
  if ('outcome' in expected) return expected
  const chars = sample.output.length + expected.texts.reduce((sum, text) => sum + text.length, 0)
  if (chars > MAX_ANALYSED_CHARS) return tooLong('Answer and reference together', chars, MAX_ANALYSED_CHARS)
  const references = expected.texts.map(tokensOf)
  if (references.some((reference) => reference.length === 0))
    return abstained('An expected text has no words.')
  return { answer: tokensOf(sample.output), references }
}

function bestOf(agreements: readonly Agreement[], measure: keyof Agreement): Agreement {
  return agreements.reduce((best, one) => (one[measure] > best[measure] ? one : best))
}

function described(name: string, { precision, recall, f1 }: Agreement): string {
  return `${name}: precision ${rounded(precision)}, recall ${rounded(recall)}, F1 ${rounded(f1)}.`
}
