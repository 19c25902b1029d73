/** The weights that ship: which model judges which set, and whether the file is what the fit wrote. Pure. */

import { sha256Hex } from '../../lib/sha256.ts'
import type { Model } from './combine.ts'

export type FittedWeights = {
  /** Counts up whenever the same answer could be judged otherwise. */
  version: number
  /** SHA-256 over everything else. */
  digest: string
  /** The embedding model whose vectors the weights were fitted on. */
  embedding: string
  recipe: { l2: number; steps: number; maxSetWeight: number }
  features: readonly string[]
  /** What it was fitted on. */
  sets: readonly { set: string; rows: number; unsupported: number }[]
  model: Model
  /** Set → the model fitted without it, so that a benchmark on a set it knows is still one on answers it never saw. */
  folds: Readonly<Record<string, Model>>
  /** Probabilities in which answers of sets left out were told apart no better than by chance. */
  band: { low: number; high: number }
}

/** `set` was seen when the weights were fitted: judged by weights that never saw it. */
export function modelFor(set: string, fitted: FittedWeights): { model: Model; isFold: boolean } {
  const fold = Object.hasOwn(fitted.folds, set) ? fitted.folds[set] : undefined
  return { model: fold ?? fitted.model, isFold: fold !== undefined }
}

export function digestOf({ digest: _, ...rest }: FittedWeights): string {
  return sha256Hex(JSON.stringify(rest))
}
