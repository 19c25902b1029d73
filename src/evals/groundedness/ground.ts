/** Judges whether contexts support an answer: reads both, embeds what must be compared, scores each claim. Local; opens nothing itself. */

import { type Claim, readClaims, textsOf } from './claims.ts'
import { answerScore, calibrated, claimLogit, type Model, type Task } from './combine.ts'
import { type Evidence, readEvidence } from './evidence.ts'
import { type Features, featuresOf, type VectorOf } from './features.ts'

/** One vector of length 1 for each text, in order. */
export type Embed = (texts: readonly string[], signal: AbortSignal) => Promise<readonly Float32Array[]>

/** A stronger judge of one claim beside its evidence, such as an entailment cross-encoder: P(supported) for each pair, in order. */
export type Detector = {
  name: string
  supports: (
    pairs: readonly { evidence: string; claim: string }[],
    signal: AbortSignal,
  ) => Promise<readonly number[]>
}

export type Question = { contexts: readonly string[]; answer: string }

/** What is known of an answer before any weight: shared by the scorer, the benchmark and the fit. */
export type Reading = {
  evidence: Evidence
  claims: readonly { claim: Claim; features: Features }[]
  refusals: number
  vectorOf: VectorOf
}

export type Grounding = {
  /** Calibrated probability that the contexts support the whole answer. */
  probability: number
  /** Log-odds before calibration, for ranking. */
  score: number
  /** In the order of the answer; `probability` is that of the claim alone. */
  claims: readonly { claim: Claim; features: Features; probability: number }[]
  reading: Reading
}

/** Longer than this and a person would not read it either; cut short, an unsupported sentence could hide behind the cut. */
export const LIMITS = {
  contextCharacters: 400_000,
  contextSentences: 2_000,
  answerCharacters: 20_000,
  claims: 100,
}

/** The reading, or why there is nothing to judge. Rejects as `embed` does. */
export async function readAnswer(
  embed: Embed,
  { contexts, answer }: Question,
  signal: AbortSignal,
): Promise<Reading | { abstained: string }> {
  const refused = refusalToRead(contexts, answer)
  if (refused !== null) return { abstained: refused }
  const evidence = readEvidence(contexts, LIMITS.contextSentences + 1)
  const { claims, refusals } = readClaims(answer, evidence, LIMITS.claims + 1)
  if (evidence.sentences.length === 0) return { abstained: 'The context has no words.' }
  if (evidence.sentences.length > LIMITS.contextSentences || claims.length > LIMITS.claims) {
    return {
      abstained: `Longer than ${LIMITS.contextSentences} sentences of context or ${LIMITS.claims} of answer.`,
    }
  }
  if (claims.length === 0) {
    return {
      abstained: refusals > 0 ? 'The answer only says that it cannot answer.' : 'The answer claims nothing.',
    }
  }
  const texts = [
    ...new Set([
      ...evidence.sentences.map(({ text }) => text),
      ...claims.flatMap((claim) => textsOf(claim, evidence)),
    ]),
  ]
  const vectors = await embed(texts, signal)
  const places = new Map(texts.map((text, at) => [text, at]))
  const vectorOf = (text: string) => vectors[places.get(text) ?? -1]
  return {
    evidence,
    claims: claims.map((claim) => ({ claim, features: featuresOf(claim, evidence, vectorOf) })),
    refusals,
    vectorOf,
  }
}

function refusalToRead(contexts: readonly string[], answer: string): string | null {
  if (contexts.every((context) => context.trim() === ''))
    return 'There is no context to hold the answer against.'
  const characters = contexts.reduce((sum, context) => sum + context.length, 0)
  if (characters > LIMITS.contextCharacters) {
    return `The context has ${characters} characters; at most ${LIMITS.contextCharacters} are read.`
  }
  if (answer.length > LIMITS.answerCharacters) {
    return `The answer has ${answer.length} characters; at most ${LIMITS.answerCharacters} are read.`
  }
  return null
}

/** With a detector, a claim's log-odds are the mean of both (logarithmic opinion pool; Genest and Zidek 1986). */
export async function judgeReading(
  reading: Reading,
  {
    model,
    task,
    detector,
    signal,
  }: { model: Model; task: Task; detector: Detector | null; signal: AbortSignal },
): Promise<Grounding> {
  const own = reading.claims.map(({ features }) => claimLogit(model, features))
  const theirs = detector === null ? own : await detectorLogits(detector, reading, signal)
  const logits = own.map((logit, at) => (logit + (theirs[at] ?? logit)) / 2)
  const score = answerScore(logits)
  const calibration = model.calibrations[task]
  return {
    score,
    probability: calibrated(calibration, score, logits.length),
    claims: reading.claims.map((read, at) => ({
      ...read,
      probability: calibrated(calibration, logits[at] ?? 0, 1),
    })),
    reading,
  }
}

async function detectorLogits(
  detector: Detector,
  { claims, evidence }: Reading,
  signal: AbortSignal,
): Promise<number[]> {
  const pairs = claims.map(({ claim }) => ({
    claim: claim.text,
    evidence: claim.support.places
      .toSorted((a, b) => a - b)
      .map((place) => evidence.sentences[place]?.text ?? '')
      .join(' '),
  }))
  const supported = await detector.supports(pairs, signal)
  return pairs.map((_, at) => logitOf(supported[at] ?? 0.5))
}

/** Kept within ±6: one model that is sure of itself must not silence the other. */
function logitOf(probability: number): number {
  const bounded = Math.min(1, Math.max(0, probability))
  return Math.min(6, Math.max(-6, Math.log(bounded / (1 - bounded))))
}
