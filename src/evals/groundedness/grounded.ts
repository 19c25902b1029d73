/** The scorer `grounded`: the calibrated probability that the contexts support the whole answer, with what it rests on. */

import { z } from 'zod'
import type { JsonValue } from '../../lib/json.ts'
import type { ScoreOutcome, ScorerKind } from '../scorers/scorer.ts'
import type { Claim } from './claims.ts'
import { TASKS } from './combine.ts'
import { type Grounding, judgeReading, readAnswer } from './ground.ts'
import { FITTED } from './weights.generated.ts'

const settings = z.strictObject({
  task: z
    .enum(TASKS)
    .default('any')
    .describe(`what the answer was asked to be, which decides the calibration: ${TASKS.join(', ')}`),
  threshold: z.number().min(0).max(1).optional().describe('passed from this probability on'),
})
type Settings = z.infer<typeof settings>

/** Of the details: what a person can take in, and a few kilobytes at most. */
const MAX_SHOWN = 6
const MAX_QUOTE = 240
const MAX_MISSING = 8

export const grounded: ScorerKind<Settings> = {
  kind: 'grounded',
  version: FITTED.version,
  summary:
    'Probability that the contexts support every claim of the answer, calibrated for answers of which half are.',
  source:
    'docs/groundedness.md: features, fit and figures; noisy-or of claims after Maron and Lozano-Pérez 1998.',
  traps:
    'It compares words, numbers, names and negations; it does not understand. Wrong about who did what to whom, and on scientific claims no better than chance. A high score is no proof of truth: the context may be wrong. An empty answer, and one without a context, abstains.',
  values: 'share',
  better: 'higher',
  settings,
  prepare({ task, threshold }) {
    return async ({ output, contexts }, signal, { embed }) => {
      const reading = await readAnswer(embed, { contexts, answer: output }, signal)
      if ('abstained' in reading) return { outcome: 'abstained', reason: reading.abstained }
      const grounding = await judgeReading(reading, { model: FITTED.model, task, detector: null, signal })
      return outcomeOf(grounding, threshold ?? null)
    }
  },
}

function outcomeOf(grounding: Grounding, threshold: number | null): ScoreOutcome {
  const { probability } = grounding
  const { low, high } = FITTED.band
  if (probability > low && probability < high) {
    const reason = `Probability ${probability.toFixed(2)}: between ${low} and ${high} it is right hardly more often than chance.`
    return { outcome: 'abstained', reason }
  }
  return {
    outcome: 'scored',
    value: probability,
    passed: threshold === null ? null : probability >= threshold,
    reason: reasonOf(grounding),
    details: detailsOf(grounding),
  }
}

function reasonOf({ claims }: Grounding): string {
  const [weakest] = claims.toSorted((a, b) => a.probability - b.probability)
  if (weakest === undefined) return 'No claim.'
  const unsupported = claims.filter(({ probability }) => probability < 0.5).length
  const counted = `${unsupported} of ${claims.length} ${claims.length === 1 ? 'claim' : 'claims'} unsupported`
  return `${counted}; the weakest (${weakest.probability.toFixed(2)}): “${cut(weakest.claim.text)}”`
}

/** The weakest claims, in the order of the answer. Offsets are into the answer and into the context of that number. */
function detailsOf({ claims, reading, probability }: Grounding): JsonValue {
  const shown = claims
    .toSorted((a, b) => a.probability - b.probability)
    .slice(0, MAX_SHOWN)
    .toSorted((a, b) => a.claim.start - b.claim.start)
  return {
    probability,
    claims: claims.length,
    refusals: reading.refusals,
    shown: shown.map(({ claim, probability: own }) => ({
      text: cut(claim.text),
      start: claim.start,
      end: claim.end,
      probability: own,
      supported: own >= 0.5,
      not_in_evidence: missingFrom(claim),
      evidence: claim.support.places.flatMap((place) => {
        const sentence = reading.evidence.sentences[place]
        if (sentence === undefined) return []
        const { context, start, end, text } = sentence
        return [{ context, start, end, text: cut(text) }]
      }),
    })),
  }
}

/** Words as the answer writes them that no quoted sentence says; numbers and names first. */
function missingFrom({ words, near }: Claim): string[] {
  const marked = new Set([...words.numbers, ...words.names])
  const missing = [...words.written].filter(([form]) => !near.has(form))
  return missing
    .toSorted(([a], [b]) => Number(marked.has(b)) - Number(marked.has(a)))
    .slice(0, MAX_MISSING)
    .map(([, word]) => word)
}

function cut(text: string): string {
  return text.length <= MAX_QUOTE ? text : `${text.slice(0, MAX_QUOTE - 1)}…`
}
