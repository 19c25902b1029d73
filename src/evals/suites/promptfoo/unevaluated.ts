/** Why a type of promptfoo's assertions is not evaluated here. */

const BY_CODE = 'it runs a program or calls a service, and of code only JavaScript is run here'
const BY_MODEL =
  'a model judges it, and that decides nothing before it is calibrated against people: write a suite with the scorer rubric, closed-qa, factuality or faithfulness'
const BY_SERVICE = 'another service or model classifies the answer'
const BY_TRACE = 'it reads traces of the provider, which are not collected here'
const NO_SCORER = 'no scorer here reads it'

const REASONS: readonly (readonly [RegExp, string])[] = [
  [/^(?:python|ruby|webhook)$/, BY_CODE],
  [/^(?:llm-rubric|agent-rubric|search-rubric|research-rubric|video-rubric|g-eval|factuality)$/, BY_MODEL],
  [/^(?:model-graded-\w+|answer-relevance|conversation-relevance|noise-sensitivity)$/, BY_MODEL],
  [/^(?:context-(?:faithfulness|recall|relevance)|citation-faithfulness)$/, BY_MODEL],
  [/^(?:trajectory:goal-success)$/, BY_MODEL],
  [/^similar(?::\w+)?$/, 'it compares embeddings, and no scorer here does'],
  [/^(?:moderation|guardrails|classifier|pi)$/, BY_SERVICE],
  [/^(?:is|contains)-(?:xml|html|sql)$/, NO_SCORER],
  [/^(?:gleu|meteor)$/, NO_SCORER],
  [/^perplexity(?:-score)?$/, 'it needs log probabilities, which answers are not kept with'],
  [/^is-valid-/, 'it reads the tools of a provider’s config, which are not sent from here'],
  [/^(?:trace-|trajectory:|skill-used$)/, BY_TRACE],
  [/^(?:select-best|select-.*|max-score)$/, 'it compares the answers of several providers'],
  [/^human$/, 'people judge it'],
  [/^promptfoo:redteam:/, 'red teaming is not run here'],
]

/** Of a type without `not-`. */
export function whyNotEvaluated(type: string): string {
  return REASONS.find(([pattern]) => pattern.test(type))?.[1] ?? 'the type is not known here'
}
