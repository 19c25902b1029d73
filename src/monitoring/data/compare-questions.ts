/** What two windows of questions have in common by their meaning: all of it, and by topics. Pure and seeded. */

import { namedRandom } from '../../lib/random.ts'
import { separationOf } from '../../lib/statistics/domain-classifier.ts'
import { kMeans } from '../../lib/statistics/k-means.ts'
import { labelsOf, permutationTest } from '../../lib/statistics/permutation.ts'
import { type Matrix, projectRandomly } from '../../lib/statistics/random-projection.ts'
import { centroidShift, cramersV } from '../../lib/statistics/unlike.ts'
import type { Tested } from './finding.ts'
import type { OpenedRequest } from './sampled-request.ts'
import { type Asked, separatingTerms } from './terms.ts'

/** Requests whose bodies were opened. */
export type Spoken = OpenedRequest & { words: NonNullable<OpenedRequest['words']> }

const WIDTH = 256
/** AUC: 0.55 is what Evidently takes (https://www.evidentlyai.com/blog/embedding-drift-detection); about a tenth of the questions new. */
const CONTENT_BAR = 0.55
/** Below this the centroids are beyond chance, and how far the windows are apart is worth reckoning. */
const WORTH_CLASSIFYING = 0.01
const TOPICS = 8
const TOPIC_WIDTH = 64
/** Cramér's V; see columns.ts. */
const TOPIC_BAR = 0.1

/** `content` of the recent questions first. Both lists hold at least ten. */
export function compareQuestions(
  recent: readonly Spoken[],
  baseline: readonly Spoken[],
  seed: number,
): Tested[] {
  const vectors = [...recent, ...baseline].map(({ words }) => words.vector)
  const matrix = projectRandomly(vectors, WIDTH, namedRandom(`projection ${seed}`))
  return [content(matrix, recent, baseline, seed), topics(vectors, recent, baseline, seed)]
}

function content(
  matrix: Matrix,
  recent: readonly Spoken[],
  baseline: readonly Spoken[],
  seed: number,
): Tested {
  const random = namedRandom(`content ${seed}`)
  const labels = labelsOf(recent.length, baseline.length)
  const tested = permutationTest(labels, centroidShift(matrix.cells, matrix.width), { random })
  const isWorth = tested.p <= WORTH_CLASSIFYING
  const auc = isWorth ? separationOf(matrix, recent.length, random) : null
  return {
    feature: 'question_content',
    method: 'centroid-permutation+domain-classifier@1',
    sizes: { recent: recent.length, baseline: baseline.length },
    tested,
    effect: auc ?? 0.5,
    bar: CONTENT_BAR,
    reason: isWorth ? null : 'The centroids are as near as chance has them: no classifier was made.',
    terms: isWorth ? separatingTerms(recent.map(asked), baseline.map(asked)) : null,
  }
}

function topics(
  vectors: readonly Float32Array[],
  recent: readonly Spoken[],
  baseline: readonly Spoken[],
  seed: number,
): Tested {
  const random = namedRandom(`topics ${seed}`)
  const topic = kMeans(projectRandomly(vectors, TOPIC_WIDTH, random), TOPICS, random)
  const labels = labelsOf(recent.length, baseline.length)
  const tested = permutationTest(labels, cramersV(topic), { random })
  const moved = mostMoved(topic, recent.length)
  const all = [...recent, ...baseline].map(asked)
  const of = all.filter((_, at) => topic[at] === moved.topic)
  const others = all.filter((_, at) => topic[at] !== moved.topic)
  const terms = separatingTerms(of, others)
  return {
    feature: 'question_topics',
    method: 'k-means-cramers-v@1',
    sizes: { recent: recent.length, baseline: baseline.length },
    tested,
    effect: tested.statistic,
    bar: TOPIC_BAR,
    levels: { recent: moved.recent, baseline: moved.baseline },
    reason: `The levels are of the one that moved most, of ${TOPICS} topics.`,
    terms: { recent: terms.recent, baseline: [] },
  }
}

/** The topic whose share differs most between the windows. */
function mostMoved(topic: Int32Array, first: number): { topic: number; recent: number; baseline: number } {
  const shares = Array.from({ length: TOPICS }, (_, wanted) => {
    const share = (part: Int32Array) => part.filter((of) => of === wanted).length / part.length
    return { topic: wanted, recent: share(topic.subarray(0, first)), baseline: share(topic.subarray(first)) }
  })
  return shares.reduce((most, one) =>
    Math.abs(one.recent - one.baseline) > Math.abs(most.recent - most.baseline) ? one : most,
  )
}

function asked({ subject, words }: Spoken): Asked {
  return { subject, question: words.question }
}
