/** What the commands that measure retrieval get from the process: files, arithmetic and a scratch database of its own. */

import type { Ends } from '../lib/statistics/ends.ts'

export type BenchOptions = {
  /** Folder of public sets. */
  data: string
  /** `upstream/model`, as aval.yaml has the upstream. */
  model: string
  /** More models; null for those that are configured. */
  modelsFolder: string | null
  /** Null for the chunker's own. */
  chunkTokens: number | null
  queryPrefix: string
  documentPrefix: string
  language: string
  k: number
  /** A server to make the scratch database on; null for an embedded one. */
  database: string | null
  /** `total` is null while nobody knows it. */
  onStep: (step: BenchStep) => void
}
export type BenchStep = {
  set: string
  what: 'starting' | 'pushing' | 'cutting' | 'embedding' | 'indexing' | 'asking'
  done: number
  total: number | null
}

/** The same figures for people and for programs. */
export type Figures = { text: string; json: object }

/** A query set that was read and found in order. */
export type LoadedQueries = {
  /** Those with a judgement. */
  queries: readonly { id: string; text: string }[]
  /** One of the judged relevant documents, as the judgements name it. */
  exampleDocument: string
  /** Whether a ranking holds a document that is judged relevant for its query. */
  findsAny(rankings: Rankings): boolean
  /** The first row is what the others are compared with; `notes` stand below with what was left out of the files. */
  report(input: {
    title: string
    rows: readonly { name: string; rankings: Rankings }[]
    k: number
    notes: readonly string[]
  }): Figures
}
/** Query id → document keys, best first. */
type Rankings = ReadonlyMap<string, readonly string[]>

export type GroundednessOptions = {
  /** Folder of labelled answers. */
  data: string
  /** `upstream/model` that embeds. */
  model: string
  /** `upstream/model` that scores evidence and claim as a pair; null for none. */
  detector: string | null
  /** More models; null for those that are configured. */
  modelsFolder: string | null
  onStep: (step: { set: string; done: number; total: number }) => void
}
type ScorerFigures = {
  scorer: string
  auroc: number | null
  interval: Ends | null
  difference: { mean: number; interval: Ends } | null
  balancedAccuracy: number | null
  calibrationError: number | null
}
/** What `evals/groundedness/bench-report.ts` says each number is. */
export type GroundednessFigures = {
  model: string
  detector: string | null
  weights: { version: number; digest: string }
  /** Sets that the weights were fitted on, and that were judged by weights fitted without them. */
  heldOut: readonly string[]
  sets: readonly {
    set: string
    rows: number
    scored: number
    unsupported: number
    groups: number
    msPerItem: number
    bestFloor: string | null
    figures: readonly ScorerFigures[]
  }[]
}

export type EmbeddingOptions = {
  /** Folder of pairs of texts. */
  data: string
  /** `upstream/model`, each of them. */
  models: readonly string[]
  /** More models; null for those that are configured. */
  modelsFolder: string | null
  onStep: (step: { set: string; model: string; done: number; total: number }) => void
}
/** What `evals/similarity/bench-report.ts` says each number is. */
export type EmbeddingFigures = {
  sets: readonly {
    set: string
    pairs: number
    bestFloor: string | null
    rows: readonly {
      scorer: string
      isFloor: boolean
      spearman: number | null
      interval: Ends | null
      difference: { mean: number; interval: Ends } | null
      dimensions: number | null
      msPerText: number | null
    }[]
  }[]
}

export type JudgeOptions = {
  /** Folder of sets that people judged. */
  data: string
  /** Who judges: `upstream/model`, or a route. */
  model: string
  /** False for models that take no `response_format`. */
  structured: boolean
  /** Rows of each set, drawn by the seed. */
  limit: number
  seed: number
  concurrency: number
  /** Micro-USD, over all sets. */
  budget: bigint
  /** One question to the server. Never rejects but for its signal. */
  ask: (question: JudgeQuestion, signal: AbortSignal) => Promise<JudgeAnswer>
  onStep: (step: { set: string; done: number; total: number }) => void
}
type JudgeQuestion = {
  model: string
  messages: readonly { role: string; content: string }[]
  parameters?: Readonly<Record<string, unknown>>
}
/** `cost`: micro-USD; null when the server did not say. */
export type JudgeAnswer =
  | { kind: 'answered'; text: string; finishReason: string | null; cost: bigint | null }
  | { kind: 'failed'; reason: string }
/** What `evals/judging/bench-report.ts` says each number is; money in micro-USD. */
export type JudgeFigures = {
  model: string
  spent: bigint
  unpriced: number
  sets: readonly {
    set: string
    kind: 'pairs' | 'answers'
    drawn: number
    judged: number
    abstained: number
    errors: number
    commonestReason: string | null
    flipped: number | null
    rows: readonly {
      rater: string
      isFloor: boolean
      rows: number
      agreement: { share: number; interval: Ends } | null
      kappa: { estimate: number; low: number; high: number } | null
    }[]
  }[]
}

export type DriftOptions = {
  /** Folder that holds `nab`. */
  data: string
  onStep: (step: { setting: string; done: number; total: number }) => void
}
/** What `monitoring/bench/measure-detector.ts` says each number is. */
export type AlarmFigures = {
  recall: number | null
  precision: number | null
  falsePer1000: number | null
  delay: number | null
}
export type DriftFigures = {
  settings: readonly {
    setting: string
    /** The last one, `all`, is of all series. */
    rows: readonly (AlarmFigures & { name: string; series: number; windows: number; floor: AlarmFigures })[]
  }[]
}

/** Everything rejects with CliError for files with mistakes. */
export type QualityActions = {
  /** Rejects when the stop signal of the process aborts. */
  drift(options: DriftOptions): Promise<DriftFigures>
  /** Rejects when the stop signal of the process aborts. */
  embedding(options: EmbeddingOptions): Promise<EmbeddingFigures>
  /** Rejects when the stop signal of the process aborts. */
  groundedness(options: GroundednessOptions): Promise<GroundednessFigures>
  /** Rejects when the stop signal of the process aborts. */
  judge(options: JudgeOptions): Promise<JudgeFigures>
  /** Nothing of it is left, however it ends. Rejects when the stop signal of the process aborts. */
  bench(options: BenchOptions): Promise<Figures>
  queries(queriesPath: string, qrelsPath: string): Promise<LoadedQueries>
}
