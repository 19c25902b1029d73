/** All kinds of scorers by their names, and how a suite's words become one that judges. */

import { RequestError } from '../../errors.ts'
import { nearest } from '../../lib/nearest.ts'
import { describeIssues } from '../../lib/schema-problems.ts'
import { citationPrecision, citationRecall } from '../groundedness/citation-scorers.ts'
import { grounded } from '../groundedness/grounded.ts'
import { abstains } from './abstains.ts'
import { assertionsKind } from './assertions.ts'
import { cost, finishReason, latency } from './call.ts'
import { citedSentences, citesContext } from './citations.ts'
import { contextPrecision, contextRecall } from './contexts.ts'
import { javascript } from './javascript.ts'
import { containsJson, isJson, jsonMatch } from './json.ts'
import { judgedAssertions } from './judges/judged-assertions.ts'
import { jury } from './judges/jury.ts'
import { SINGLE_JUDGES } from './judges/single-judges.ts'
import { language } from './language.ts'
import { length, wordCount } from './length.ts'
import { NEGATION, negate } from './negate.ts'
import { number } from './number.ts'
import { regex } from './pattern.ts'
import { refusal } from './refusal.ts'
import { mrr, ndcgAtK, precisionAtK, recallAtK } from './retrieval.ts'
import type { Score, ScorerKind } from './scorer.ts'
import { bleu, levenshtein, rougeLKind, rougeNKind } from './similarity.ts'
import {
  contains,
  containsAll,
  containsAny,
  equals,
  fuzzyMatch,
  icontains,
  icontainsAll,
  icontainsAny,
  includes,
  match,
  startsWith,
} from './text.ts'
import { toolCallF1, toolCallsMatch, toolCallsValid } from './tool-calls.ts'

/** In the order of the documentation, without the opposites. */
export const SCORER_KINDS: readonly ScorerKind[] = [
  equals,
  contains,
  icontains,
  containsAny,
  containsAll,
  icontainsAny,
  icontainsAll,
  startsWith,
  match,
  includes,
  fuzzyMatch,
  regex,
  isJson,
  containsJson,
  jsonMatch,
  number,
  toolCallsValid,
  toolCallsMatch,
  toolCallF1,
  levenshtein,
  rougeNKind,
  rougeLKind,
  bleu,
  wordCount,
  length,
  language,
  refusal,
  abstains,
  finishReason,
  latency,
  cost,
  recallAtK,
  precisionAtK,
  ndcgAtK,
  mrr,
  contextRecall,
  contextPrecision,
  citesContext,
  citedSentences,
  javascript,
  assertionsKind(prepareScorer),
  grounded,
  citationRecall,
  citationPrecision,
  ...SINGLE_JUDGES,
  jury,
  judgedAssertions,
]

const BY_NAME: ReadonlyMap<string, ScorerKind> = new Map(SCORER_KINDS.map((kind) => [kind.kind, kind]))

/** The kind of that name, or the opposite of one: `not-contains`. Throws RequestError with the nearest name. */
export function scorerKind(name: string): ScorerKind {
  const known = BY_NAME.get(name)
  if (known !== undefined) return known
  const opposite = name.startsWith(NEGATION) ? BY_NAME.get(name.slice(NEGATION.length)) : undefined
  if (opposite !== undefined) return negate(opposite)
  const binary = SCORER_KINDS.filter(({ values }) => values === 'binary')
  const names = [...BY_NAME.keys(), ...binary.map(({ kind }) => `${NEGATION}${kind}`)]
  const meant = nearest(name, names)
  const hint = meant === null ? `Known: ${[...BY_NAME.keys()].join(', ')}.` : `Did you mean "${meant}"?`
  throw new RequestError('invalid_value', `Unknown kind of scorer "${name.slice(0, 60)}". ${hint}`, {
    param: 'kind',
  })
}

/** A scorer of a suite, ready to judge; `kind` and `version` say which rules it judges by. */
export type PreparedScorer = Pick<ScorerKind, 'kind' | 'version' | 'values' | 'better' | 'judge'> & {
  score: Score
}

/**
 * Looks up the kind and reads the settings, `{}` when left out. Throws RequestError: an unknown kind, or every mistake in the
 * settings with its path, what stands there and what to write.
 */
export function prepareScorer({
  kind: name,
  settings = {},
}: {
  kind: string
  settings?: unknown
}): PreparedScorer {
  const kind = scorerKind(name)
  const read = kind.settings.safeParse(settings)
  if (!read.success) {
    const mistakes = describeIssues(kind.kind, kind.settings, settings, read.error)
    const [first] = read.error.issues
    throw new RequestError('invalid_value', mistakes.slice(0, 10).join(' '), {
      param: ['settings', ...(first?.path ?? [])].join('.'),
    })
  }
  const { version, values, better, judge } = kind
  const score = kind.prepare(read.data)
  return { kind: kind.kind, version, values, better, ...(judge && { judge }), score }
}
