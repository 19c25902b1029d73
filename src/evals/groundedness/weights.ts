/** The weights that ship: which model judges which set, and whether the file is what the fit wrote. Pure. */

import { sha256Hex } from '../../lib/sha256.ts'
import { type Calibration, type Model, TASKS } from './combine.ts'

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

/** A model as the file has it: numbers alone, whose names stand once in the file. */
type PackedModel = {
  intercept: number
  /** In the order of `features`. */
  weights: readonly number[]
  /** Slope, offset and perClaim of each task, in the order of TASKS. */
  calibrations: readonly number[]
}

/** The weights as the file has them. */
export type PackedWeights = Omit<FittedWeights, 'sets' | 'model' | 'folds'> & {
  /** Its name, rows, and rows that are unsupported. */
  sets: readonly (readonly [string, number, number])[]
  model: PackedModel
  folds: Readonly<Record<string, PackedModel>>
}

export function packWeights({ sets, model, folds, ...rest }: FittedWeights): PackedWeights {
  return {
    ...rest,
    sets: sets.map(({ set, rows, unsupported }) => [set, rows, unsupported] as const),
    model: packModel(model),
    folds: Object.fromEntries(Object.entries(folds).map(([set, fold]) => [set, packModel(fold)])),
  }
}

/** The members in the order that the digest was taken in. */
export function unpackWeights(packed: PackedWeights): FittedWeights {
  const { version, digest, embedding, recipe, features, band } = packed
  return {
    version,
    digest,
    embedding,
    recipe,
    features,
    sets: packed.sets.map(([set, rows, unsupported]) => ({ set, rows, unsupported })),
    model: unpackModel(packed.model),
    folds: Object.fromEntries(Object.entries(packed.folds).map(([set, fold]) => [set, unpackModel(fold)])),
    band,
  }
}

function packModel({ intercept, weights, calibrations }: Model): PackedModel {
  const numbers = TASKS.flatMap((task) => {
    const { slope, offset, perClaim } = calibrations[task]
    return [slope, offset, perClaim]
  })
  return { intercept, weights, calibrations: numbers }
}

/** Throws RangeError for a file that was cut: a number that is missing must not become a 0. */
function unpackModel({ intercept, weights, calibrations: numbers }: PackedModel): Model {
  if (numbers.length !== 3 * TASKS.length) {
    throw new RangeError(`calibrations: ${numbers.length} numbers, and there are ${3 * TASKS.length}.`)
  }
  const calibrationAt = (place: number): Calibration => {
    const [slope = 0, offset = 0, perClaim = 0] = numbers.slice(3 * place, 3 * place + 3)
    return { slope, offset, perClaim }
  }
  const calibrations = Object.fromEntries(TASKS.map((task, place) => [task, calibrationAt(place)]))
  return { intercept, weights, calibrations: calibrations as Model['calibrations'] }
}

/** `set` was seen when the weights were fitted: judged by weights that never saw it. */
export function modelFor(set: string, fitted: FittedWeights): { model: Model; isFold: boolean } {
  const fold = Object.hasOwn(fitted.folds, set) ? fitted.folds[set] : undefined
  return { model: fold ?? fitted.model, isFold: fold !== undefined }
}

export function digestOf({ digest: _, ...rest }: FittedWeights): string {
  return sha256Hex(JSON.stringify(rest))
}
