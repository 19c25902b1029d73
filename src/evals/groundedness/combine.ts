/** From the features of an answer's claims to the probability that the context supports all of it. Pure. */

import { FEATURES, type Features } from './features.ts'

/** A logistic model of one claim: P(supported) = σ(intercept − Σ weight · feature). Weights are 0 or more, in the order of FEATURES. */
export type ClaimModel = { intercept: number; weights: readonly number[] }

/**
 * Platt's scaling of an answer's score to a probability (Platt 1999, "Probabilistic Outputs for Support Vector Machines"):
 * σ(slope · score + offset + perClaim · ln(claims)). The last term takes back what independence overstates: claims of one
 * answer are right or wrong together, so ten of them are not ten times the risk.
 */
export type Calibration = { slope: number; offset: number; perClaim: number }

export const TASKS = ['any', 'qa', 'summary', 'dialogue', 'claim'] as const
export type Task = (typeof TASKS)[number]

export type Model = ClaimModel & { calibrations: Readonly<Record<Task, Calibration>> }

/** The log-odds that a claim is supported. */
export function claimLogit({ intercept, weights }: ClaimModel, features: Features): number {
  return FEATURES.reduce((logit, name, at) => logit - (weights[at] ?? 0) * features[name], intercept)
}

/**
 * An answer is supported when all of its claims are, taken as independent: P = Π σ(claim), returned as log-odds (the noisy-or of
 * "one claim is unsupported"; Maron and Lozano-Pérez 1998, "A Framework for Multiple-Instance Learning"). An answer of one claim
 * scores as the claim does; every further claim is one more that may be wrong.
 */
export function answerScore(logits: readonly number[]): number {
  const logSupport = logits.reduce((sum, logit) => sum - log1pExp(-logit), 0)
  // log(P / (1 − P)), without leaving the logarithm while P is small; no claim at all never gets here.
  return logSupport - Math.log(-Math.expm1(Math.min(logSupport, -Number.EPSILON)))
}

export function calibrated({ slope, offset, perClaim }: Calibration, score: number, claims: number): number {
  return 1 / (1 + Math.exp(-(slope * score + offset + perClaim * Math.log(claims))))
}

/** log(1 + e^x) without overflow. */
function log1pExp(x: number): number {
  return x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x))
}
