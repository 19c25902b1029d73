/** What a judge of ours is asked where promptfoo asks a model. Reported, and decides nothing. Pure. */

import { isJsonObject, type JsonObject, type JsonValue } from '../../../lib/json.ts'
import { readProviders } from './providers.ts'

type Given = { value: JsonValue | undefined; threshold: number | null; model: string }
type Judge = { kind: string; settings: JsonObject }

/** What promptfoo passes from where the assertion does not say. */
const G_EVAL_THRESHOLD = 0.7
/** All but a contradiction is right there. */
const FACTUALITY = { subset: 1, superset: 1, agree: 1, disagree: 0, differ: 1, threshold: 1 }

const JUDGES: Readonly<Record<string, (given: Given) => Judge | null>> = {
  'llm-rubric': ({ value, threshold, model }) => {
    if (typeof value !== 'string' || value.trim() === '') return null
    const scale = threshold === null ? {} : { scale: '1-5', threshold }
    return { kind: 'rubric', settings: { model, rubric: value, ...scale } }
  },
  'g-eval': ({ value, threshold, model }) => {
    const criteria = Array.isArray(value) ? value.join('\n') : value
    if (typeof criteria !== 'string' || criteria.trim() === '') return null
    const grades = { scale: '1-5', threshold: threshold ?? G_EVAL_THRESHOLD }
    return { kind: 'rubric', settings: { model, rubric: criteria, ...grades } }
  },
  'model-graded-closedqa': ({ value, model }) =>
    typeof value === 'string' && value.trim() !== ''
      ? { kind: 'closed-qa', settings: { model, criterion: value } }
      : null,
  factuality,
  'model-graded-factuality': factuality,
  'answer-relevance': share('answer-relevance'),
  'context-faithfulness': share('faithfulness'),
  'context-relevance': share('context-relevance'),
}

/** Null where promptfoo's question is one that no judge here asks. */
export function judgeOf(type: string, given: Given): Judge | null {
  return Object.hasOwn(JUDGES, type) ? (JUDGES[type]?.(given) ?? null) : null
}

/** The model that a config names as its grader, as it is called here; null for none that can be asked. */
export function graderOf(provider: JsonValue | undefined): string | null {
  if (provider === undefined || provider === null) return null
  // Models for texts and for vectors may be named apart.
  const named = isJsonObject(provider) && provider.text !== undefined ? provider.text : provider
  const [{ subject = null } = {}] = readProviders({ providers: named, prompts: [] })
  return typeof subject === 'string' ? subject : null
}

function factuality({ value, model }: Given): Judge | null {
  return typeof value === 'string' && value.trim() !== ''
    ? { kind: 'factuality', settings: { model, value, ...FACTUALITY } }
    : null
}

/** Passed from 0 on there. */
function share(kind: string) {
  return ({ threshold, model }: Given): Judge => ({ kind, settings: { model, threshold: threshold ?? 0 } })
}
