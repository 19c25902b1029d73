/** Which scorers can judge live traffic: of a request nobody said beforehand what is right. Pure. */

import { isJsonObject, type JsonObject } from '../../lib/json.ts'
import { plainKind } from '../scorers/negate.ts'

/** Judge by what the item of a dataset says, which a request does not: what is demanded of it, the documents that hold its answer. */
const ITEM_ONLY: Readonly<Record<string, string>> = {
  assertions: 'the assertions of an item',
  'judged-assertions': 'the assertions of an item',
  'recall@k': 'the relevant documents',
  'precision@k': 'the relevant documents',
  'ndcg@k': 'the relevant documents',
  mrr: 'the relevant documents',
}
/** Compare with a setting; left out, with what the item expects. */
const COMPARES: Readonly<Record<string, string>> = {
  equals: 'value',
  contains: 'value',
  icontains: 'value',
  'contains-any': 'value',
  'contains-all': 'value',
  'icontains-any': 'value',
  'icontains-all': 'value',
  'starts-with': 'value',
  match: 'value',
  includes: 'value',
  'fuzzy-match': 'value',
  'json-match': 'value',
  number: 'value',
  'tool-calls-match': 'value',
  'tool-call-f1': 'value',
  levenshtein: 'value',
  'rouge-n': 'value',
  'rouge-l': 'value',
  bleu: 'value',
  'context-recall': 'value',
  'context-precision': 'value',
  factuality: 'value',
  pairwise: 'other',
}

/** Null for a scorer that can; otherwise the sentence that says what it lacks and what to write. */
export function liveProblem({ kind, settings }: { kind: string; settings: JsonObject }): string | null {
  const plain = plainKind(kind)
  const missing = ITEM_ONLY[plain]
  if (missing !== undefined) {
    return `"${kind}" judges by ${missing}, which live traffic does not have. Run it in a suite.`
  }
  const setting = COMPARES[plain]
  if (setting !== undefined && settings[setting] === undefined) {
    return `"${kind}" compares with what an item expects, and live traffic expects nothing. Give it "${setting}", or run it in a suite.`
  }
  if (plain !== 'jury' || !Array.isArray(settings.judges)) return null
  const problems = settings.judges.filter(isJsonObject).map((judge) => {
    const { kind: of, ...rest } = judge
    return typeof of === 'string' ? liveProblem({ kind: of, settings: rest }) : null
  })
  return problems.find((problem) => problem !== null) ?? null
}
