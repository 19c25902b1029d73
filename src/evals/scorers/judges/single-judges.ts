/** The judges that ask one model: who can sit on a jury, and whom an assertion of an item can name. */

import type { JsonObject } from '../../../lib/json.ts'
import { describeIssues } from '../../../lib/schema-problems.ts'
import { quoted } from '../outcome.ts'
import type { Score, ScorerKind } from '../scorer.ts'
import { answerRelevance } from './answer-relevance.ts'
import { closedQa } from './closed-qa.ts'
import { contextRelevance } from './context-relevance.ts'
import { factuality } from './factuality.ts'
import { faithfulness } from './faithfulness.ts'
import { pairwise } from './pairwise.ts'
import { rubric } from './rubric.ts'

export const SINGLE_JUDGES: readonly ScorerKind[] = [
  rubric,
  closedQa,
  factuality,
  faithfulness,
  answerRelevance,
  contextRelevance,
  pairwise,
]

/** So many ask less than one judgement may: ten questions each, at the most. */
export const MAX_JUDGES = 9
const MAX_MISTAKES = 5

/** A judge of that name with its settings; what is wrong, as sentences, when there is none (of `kind`) or it does not take them. */
export function readJudge(
  name: string,
  given: JsonObject,
):
  | { model: string; values: ScorerKind['values']; score: Score }
  | { problems: string[]; of: 'kind' | 'settings' } {
  const kind = SINGLE_JUDGES.find((one) => one.kind === name)
  if (kind === undefined) {
    const known = SINGLE_JUDGES.map((one) => one.kind).join(', ')
    return { problems: [`${quoted(name)} is no judge. Known: ${known}.`], of: 'kind' }
  }
  const read = kind.settings.safeParse(given)
  if (!read.success) {
    const problems = describeIssues(name, kind.settings, given, read.error).slice(0, MAX_MISTAKES)
    return { problems, of: 'settings' }
  }
  const { model } = read.data as { model: string }
  return { model, values: kind.values, score: kind.prepare(read.data) }
}
