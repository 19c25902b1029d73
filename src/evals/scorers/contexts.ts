/** Scorers of the passages an answer was to rest on: whether they hold what is expected. */

import { z } from 'zod'
import { splitSentences } from '../../lib/sentences.ts'
import { expectedTexts } from './expected.ts'
import { type Abstained, abstained, clip, MAX_ANALYSED_CHARS, rounded, share, tooLong } from './outcome.ts'
import type { Sample, ScorerKind } from './scorer.ts'
import { textSetting, thresholdSetting } from './settings.ts'
import { countNgrams, overlap, rougeTokens } from './tokens.ts'

/** More are no expectation of one answer. */
const MAX_STATEMENTS = 1_000
/** Statements times passages. */
const MAX_COMPARISONS = 1_000_000

const coverageSettings = z.strictObject({
  value: textSetting,
  coverage: z
    .number()
    .gt(0)
    .max(1)
    .optional()
    .describe(
      'a statement counts as covered when one passage has that share of its words; left out, it has to stand there word for word',
    ),
  threshold: thresholdSetting,
})
type CoverageSettings = z.output<typeof coverageSettings>

const COVERAGE_TRAPS =
  'Words, not meaning: what a passage says in other words is not covered, and with `coverage` below 1 a negation is. Several texts are statements of their own; a single one is split into sentences. Judges the passages and not the answer, so an empty answer changes nothing.'

export const contextRecall: ScorerKind<CoverageSettings> = {
  kind: 'context-recall',
  version: 1,
  summary: 'Which share of the expected statements stands in a passage shown.',
  source:
    'Ragas, context recall, https://docs.ragas.io/en/stable/concepts/metrics/available_metrics/context_recall/, with words compared in place of a model’s judgement.',
  traps: `${COVERAGE_TRAPS} No passage shown abstains, unless a search found nothing: then 0.`,
  values: 'share',
  better: 'higher',
  settings: coverageSettings,
  prepare(settings) {
    return (sample) => {
      const covered = coveredStatements(sample, settings)
      if ('outcome' in covered) return covered
      const { statements, byContext } = covered
      const missing = statements.filter((_, at) => !byContext.some((holds) => holds[at]))
      const recall = 1 - missing.length / statements.length
      const reason = `${statements.length - missing.length} of ${statements.length} expected statements stand in a passage.`
      const details = { missing: missing.slice(0, 10).map((statement) => clip(statement, 200)) }
      return share(recall, settings.threshold, reason, details)
    }
  },
}

export const contextPrecision: ScorerKind<CoverageSettings> = {
  kind: 'context-precision',
  version: 1,
  summary:
    'How high the passages stand that hold an expected statement: the mean of precision@k over their ranks.',
  source:
    'Ragas, context precision, https://docs.ragas.io/en/stable/concepts/metrics/available_metrics/context_precision/ (average precision), a passage being relevant when it holds an expected statement.',
  traps: `Only the order counts: one useful passage in front and nine useless ones after it have 1. ${COVERAGE_TRAPS} No useful passage has 0; no passage at all abstains.`,
  values: 'share',
  better: 'higher',
  settings: coverageSettings,
  prepare(settings) {
    return (sample) => {
      if (sample.contexts.length === 0) return abstained('No passage was shown.')
      const covered = coveredStatements(sample, settings)
      if ('outcome' in covered) return covered
      const useful = covered.byContext.map((holds) => holds.includes(true))
      let before = 0
      let precisions = 0
      for (const [at, isUseful] of useful.entries()) {
        if (!isUseful) continue
        before += 1
        precisions += before / (at + 1)
      }
      const precision = before === 0 ? 0 : precisions / before
      const reason = `${rounded(precision)}: ${before} of ${useful.length} passages hold an expected statement.`
      return share(precision, settings.threshold, reason)
    }
  },
}

/** Of each passage, which statements it holds; the abstention when there is nothing to compare. */
function coveredStatements(
  sample: Sample,
  { value, coverage }: CoverageSettings,
): { statements: string[]; byContext: boolean[][] } | Abstained {
  const expected = expectedTexts(sample, value)
  if ('outcome' in expected) return expected
  const { contexts, retrieved } = sample
  if (contexts.length === 0 && retrieved === null) return abstained('No passage was shown.')
  const chars = [...contexts, ...expected.texts].reduce((sum, text) => sum + text.length, 0)
  if (chars > MAX_ANALYSED_CHARS) {
    return tooLong('Passages and expected statements together', chars, MAX_ANALYSED_CHARS)
  }
  const [single = ''] = expected.texts
  const written =
    expected.texts.length > 1
      ? expected.texts
      : splitSentences(single, MAX_STATEMENTS + 1).map((sentence) => sentence.text)
  const statements = written.filter((text) => rougeTokens(text).length > 0)
  if (statements.length === 0) return abstained('What the item expects has no words.')
  if (statements.length > MAX_STATEMENTS || statements.length * contexts.length > MAX_COMPARISONS) {
    return abstained(
      `${statements.length} statements and ${contexts.length} passages are more than are compared.`,
    )
  }
  const holds = statements.map((statement) => holder(rougeTokens(statement), coverage))
  const byContext = contexts.map((context) => {
    const tokens = rougeTokens(context)
    const text = ` ${tokens.join(' ')} `
    const counts = countNgrams(tokens, 1)
    return holds.map((isHeld) => isHeld(text, counts))
  })
  return { statements, byContext }
}

function holder(
  statement: readonly string[],
  coverage: number | undefined,
): (text: string, counts: ReadonlyMap<string, number>) => boolean {
  const asText = ` ${statement.join(' ')} `
  const words = countNgrams(statement, 1)
  return (text, counts) =>
    text.includes(asText) || (coverage !== undefined && overlap(words, counts) / statement.length >= coverage)
}
