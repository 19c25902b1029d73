/** Two windows of a route's requests, compared in every way there is. Pure and seeded. */

import { compareRetrieval, compareRows, compareWords } from './columns.ts'
import { compareQuestions, type Spoken } from './compare-questions.ts'
import { type Finding, findingsOf, type Tested, tooFew, unknownFinding } from './finding.ts'
import type { OpenedRequest } from './sampled-request.ts'

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
  const meaning =
    few === null
      ? compareQuestions(recent, baseline, seed)
      : [
          unknownFinding(
            { feature: 'question_content', method: 'centroid-permutation+domain-classifier@1', sizes },
            few,
            seed,
          ),
        ]
  return few === null ? [...meaning, ...compareWords(recent, baseline, seed)] : meaning
}

function isSpoken(request: OpenedRequest): request is Spoken {
  return request.words !== null
}
