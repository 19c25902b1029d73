/**
 * The port of a provider's fine-tuning: a file of examples goes up, a job trains a model on it, and the model is another one of the
 * upstream's. Like every provider it never retries and sees no database; every call rejects with UpstreamError.
 */

export const TUNING_METHODS = ['supervised', 'dpo'] as const
export type TuningMethod = (typeof TUNING_METHODS)[number]

export type TuningOrder = {
  model: string
  /** Ids of uploaded files. */
  trainingFile: string
  validationFile: string | null
  method: TuningMethod
  /** Passes over the file; null leaves them to the upstream. */
  epochs: number | null
  /** Stands in the new model's name. */
  suffix: string | null
  seed: number | null
  /** Holds what tells the job from every other one. */
  metadata: Readonly<Record<string, string>>
}

/** What the upstream says of a job. A status that is not named here is one under way. */
export type UpstreamTuning = {
  id: string
  status: string
  /** Of a job that has succeeded. */
  tunedModel: string | null
  trainedTokens: number | null
  error: { code: string; message: string } | null
  /** As it was trained with, by the upstream's own names. */
  hyperparameters: Readonly<Record<string, string | number>>
  trainingFile: string | null
  metadata: Readonly<Record<string, string>>
  /** Milliseconds since the epoch; null where it is not said. */
  createdAtMs: number | null
  estimatedFinishMs: number | null
}

export type FineTuning = {
  /** Resolves with the file's id. */
  upload(file: { name: string; parts: readonly Buffer[] }, signal: AbortSignal): Promise<string>
  create(order: TuningOrder, signal: AbortSignal): Promise<UpstreamTuning>
  /** The newest job made since then that has this metadata or this file; null when there is none. */
  find(
    wanted: Pick<TuningOrder, 'metadata' | 'trainingFile'> & { sinceMs: number },
    signal: AbortSignal,
  ): Promise<UpstreamTuning | null>
  read(id: string, signal: AbortSignal): Promise<UpstreamTuning>
  /** The newest thing it says of a job; null where it says nothing. */
  lastEvent(id: string, signal: AbortSignal): Promise<string | null>
  cancel(id: string, signal: AbortSignal): Promise<UpstreamTuning>
}
