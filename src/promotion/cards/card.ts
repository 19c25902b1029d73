/**
 * The model card of a release as data, in the words of the wire (Mitchell et al. 2019, "Model Cards for Model Reporting",
 * https://doi.org/10.1145/3287560.3287596, names its sections). Null is what nobody has stated or measured.
 */

import type { ScorerVerdict } from '../../evals/runs/verdict.ts'
import type { ModelTraining } from '../../registry/models/model-content.ts'

export type Card = {
  /** Counts up when a field goes or means something else. */
  format: 'aval.model-card/1'
  route: string
  /** `r12` */
  release: string
  /** SHA-256 of the release's content, which stands for all its ingredients. */
  release_hash: string
  made_at: string
  made_by: string
  /** Null for a live card, which no promotion has asked for. */
  promotion: CardPromotion | null
  purpose: string | null
  owner: string | null
  /** JSON Schema of what the prompt is filled with. */
  variables: unknown
  ingredients: CardIngredient[]
  /** What the release decides, whatever callers send. */
  parameters: Record<string, unknown>
  retries: number
  /** How the index is searched; null for a release without one. */
  retrieval: Record<string, unknown> | null
  models: CardModel[]
  data: { index: CardIndex | null; datasets: CardDataset[] }
  /** Null where no verdict was made: figures of single runs decide nothing. */
  evaluation: CardEvaluation | null
  judges: CardJudge[]
  robustness: CardFlips[]
  /** Null where there is no finished run. */
  failures: CardFailures | null
  /** One for each run that the card speaks of. */
  cost_and_latency: CardOperation[]
  /** What nobody has stated, as sentences with what mends it. */
  missing: string[]
}

export type CardPromotion = {
  id: string
  label: string
  kind: 'promotion' | 'break_glass'
  policy: string
  policy_hash: string
  /** Of the verdict as the promotion keeps it; null without one. */
  verdict_hash: string | null
  requested_by: string
  requested_at: string
  reason: string
}

type CardIngredient = { kind: 'prompt' | 'model' | 'index'; name: string; hash: string }

export type CardModel = {
  version: string
  upstream: string
  model: string
  weight: number | null
  licence: string | null
  context_window: number | null
  max_output_tokens: number | null
  /** Sent where nobody says anything else. */
  parameters: Record<string, unknown>
  /** Null where nobody has stated whether it can. */
  capabilities: Record<string, boolean | null>
  notes: string | null
  /** Where it comes from, of a model that was trained here; left out of others. */
  training?: ModelTraining | undefined
  price: CardPrice | null
}

/** USD per million tokens as decimal text; null is unknown. */
export type CardPrice = { input: string | null; output: string | null; source: string }

/** How many documents or items say so; null for those of which nobody has said anything. Most frequent first. */
export type CardSaid = { value: string | null; count: number }

export type CardIndex = {
  version: string
  source: string
  /** SHA-256 over the documents. */
  snapshot: string
  documents: number
  embedding: string
  licences: CardSaid[]
  languages: CardSaid[]
}

export type CardDataset = {
  suite: string
  run: string
  /** `support-questions@7` */
  version: string
  hash: string
  split: string | null
  items: number
  licences: CardSaid[]
  languages: CardSaid[]
}

/** Two-sided, at 95 %; an end without a bound is null. */
export type CardFigure = {
  value: number
  low: number | null
  high: number | null
  method: string
  items: number
  groups: number
}

/** Scores of a suite's items: of all of them, or of a slice. */
type CardScore = { suite: string; scorer: string; slice: string | null }

export type CardEvaluation = {
  outcome: 'pass' | 'fail' | 'inconclusive'
  alpha: number
  multiple: 'each' | 'holm'
  reasons: string[]
  suites: CardSuite[]
  scorers: CardScorer[]
  rules: CardRule[]
}

export type CardSuite = {
  suite: string
  run: string
  /** SHA-256 of all that was fixed when the run began. */
  run_hash: string
  finished_at: string
  /** What it took over from earlier runs, and when the oldest of it was made; left out where all is its own. */
  taken_over?: { answers: number; judgements: number; oldest_at: string }
  items: number
  repeats: number
  seed: number | null
  baseline: { run: string; subject: string; shared_items: number } | null
}

export type CardScorer = CardScore & {
  kind: string
  version: number
  values: ScorerVerdict['values']
  better: ScorerVerdict['better']
  decides: boolean
  coverage: ScorerVerdict['coverage']
  estimate: CardFigure | null
  baseline: CardFigure | null
  /** Release − baseline; `adjusted_p` over all scorers of the suite (Holm). */
  difference: (CardFigure & { p: number; adjusted_p: number | null }) | null
}

export type CardRule = CardScore & {
  rule: 'at_least' | 'at_most' | 'not_worse_by' | 'observed_at_least' | 'flips_at_most'
  perturbation: string | null
  bar: number
  verdict: 'pass' | 'fail' | 'inconclusive'
  reason: string
  low: number | null
  high: number | null
  /** `adjusted_p` over all rules of the verdict (Holm). */
  p: number | null
  adjusted_p: number | null
}

type CardInterval = { value: number; low: number; high: number }

export type CardJudge = CardScore & {
  models: string[]
  decides: boolean
  /** `cal_…`; null for a judge that nobody has calibrated. */
  calibration: string | null
  misses: string[]
  /** Answers of people that the calibration rests on. */
  truths: number | null
  kappa: CardInterval | null
  sensitivity: CardInterval | null
  specificity: CardInterval | null
  /** The mean as people would have given it. */
  corrected: (CardInterval & { method: string; truths: number }) | null
}

export type CardFlips = CardScore & {
  perturbation: string
  pairs: number
  /** Of which both sides passed or failed. */
  decided: number
  rate: CardFigure | null
  now_failing: number
  now_passing: number
}

export type CardFailures = {
  /** Of items by scorer, over all runs of the card. */
  total: number
  /** Worst first, and not all of them. */
  items: CardFailure[]
}

export type CardFailure = {
  suite: string
  run: string
  item: string
  scorer: string
  /** Repeats that failed, of those that passed or failed. */
  failed: number
  decided: number
  /** Without what it quotes; null where the scorer's words are those of a model or of somebody's code. */
  reason: string | null
}

export type CardOperation = {
  suite: string
  run: string
  answered: number
  failed: number
  /** USD for one answer as decimal text, over the answers whose cost is known; null where none is. */
  cost_usd: string | null
  /** Answers that somebody is paid for, and nobody knows how much. */
  unpriced: number
  /** Milliseconds until the answer was whole. */
  latency_p50_ms: number | null
  latency_p95_ms: number | null
}
