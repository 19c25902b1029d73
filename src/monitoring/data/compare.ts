/** Two windows of a route's requests, compared in every way there is. Pure and seeded. */

import { compareRetrieval, compareRows, compareWords } from './columns.ts'
import { compareQuestions, type Spoken } from './compare-questions.ts'
import { type Finding, findingsOf, type Tested, tooFew, unknownFinding } from './finding.ts'
import type { OpenedRequest } from './sampled-request.ts'

/** What needs bodies, and by which test. */
const SPOKEN = [
  ['question_content', 'centroid-permutation+domain-classifier@1'],
  ['question_topics', 'k-means-cramers-v@1'],
  ['question_language', 'cramers-v@1'],
  ['question_length', 'smirnov@1'],
  ['answer_length', 'smirnov@1'],
  ['answer_refused', 'cramers-v@1'],
  ['answer_json', 'cramers-v@1'],
] as const
export const SPOKEN_FEATURES: readonly string[] = SPOKEN.map(([feature]) => feature)

/**
 * The findings, each once, in a fixed order; the same ones for the same requests and seed. `closed`: why bodies could not be opened,
 * where none could; what needs them is unknown then.
 */
export function compareRequests(
  requests: readonly OpenedRequest[],
  { seed, closed = null }: { seed: number; closed?: string | null },
): Finding[] {
  const recent = requests.filter(({ window }) => window === 'recent')
  const baseline = requests.filter(({ window }) => window === 'baseline')
  return findingsOf(
    [
      ...compareSpoken(recent.filter(isSpoken), baseline.filter(isSpoken), seed, closed),
      ...compareRows(recent, baseline, seed),
      ...compareRetrieval(recent, baseline, seed),
    ],
    seed,
  )
}

function compareSpoken(
  recent: readonly Spoken[],
  baseline: readonly Spoken[],
  seed: number,
  closed: string | null,
): (Tested | Finding)[] {
  const sizes = { recent: recent.length, baseline: baseline.length }
  const few = closed ?? tooFew(sizes)
  return few === null
    ? [...compareQuestions(recent, baseline, seed), ...compareWords(recent, baseline, seed)]
    : SPOKEN.map(([feature, method]) => unknownFinding({ feature, method, sizes }, few, seed))
}

function isSpoken(request: OpenedRequest): request is Spoken {
  return request.words !== null
}
