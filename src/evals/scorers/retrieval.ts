/** Scorers of what was found, against the documents that hold the answer. The measures are those of `aval index eval`. */

import { z } from 'zod'
import { type Metric, measureQuery } from '../../retrieval/quality/metrics.ts'
import { abstained, rounded, share } from './outcome.ts'
import type { ScorerKind } from './scorer.ts'
import { thresholdSetting } from './settings.ts'

const TREC = 'trec_eval, https://github.com/usnistgov/trec_eval'
const NEEDS_ALL =
  'Documents that nobody named relevant count as not relevant, also those that nobody looked at. A document that comes twice counts once. Nothing found is 0; nothing relevant, or nothing looked for, abstains. Judges the search and not the answer, so an empty answer changes nothing.'

const settings = z.strictObject({
  k: z.int().min(1).max(1_000).default(10).describe('how many of the first are looked at'),
  threshold: thresholdSetting,
})

function ranked(
  about: Pick<ScorerKind, 'kind' | 'summary' | 'source' | 'traps'>,
  metric: Metric,
): ScorerKind<z.output<typeof settings>> {
  return {
    ...about,
    version: 1,
    values: 'share',
    better: 'higher',
    settings,
    prepare({ k, threshold }) {
      return ({ retrieved }) => {
        if (retrieved === null) return abstained('Nothing was looked for.')
        const judged = new Map(retrieved.relevant.map((id) => [id, 1]))
        const ranking = metric === 'reciprocalRank' ? retrieved.found.slice(0, k) : retrieved.found
        const measures = measureQuery(ranking, judged, k, k)
        if (measures === null) return abstained('The item names no relevant document.')
        const among = new Set(retrieved.found.slice(0, k).filter((id) => judged.has(id))).size
        const reason = `${rounded(measures[metric])}: ${among} of ${judged.size} relevant documents are among the first ${k} of ${retrieved.found.length}.`
        return share(measures[metric], threshold, reason)
      }
    },
  }
}

export const recallAtK = ranked(
  {
    kind: 'recall@k',
    summary: 'Which share of the relevant documents is among the first k.',
    source: `${TREC} (\`recall.k\`).`,
    traps: `With more than k relevant documents it cannot reach 1. ${NEEDS_ALL}`,
  },
  'recall',
)

export const precisionAtK = ranked(
  {
    kind: 'precision@k',
    summary: 'Which share of the first k is relevant.',
    source: `${TREC} (\`P.k\`).`,
    traps: `Over k, also when fewer were found: with one relevant document it is at most 1/k. ${NEEDS_ALL}`,
  },
  'precision',
)

export const ndcgAtK = ranked(
  {
    kind: 'ndcg@k',
    summary:
      'How high the relevant documents stand among the first k; a first place counts more than a tenth.',
    source: `Järvelin and Kekäläinen 2002, https://doi.org/10.1145/582415.582418; ${TREC} (\`ndcg_cut.k\`).`,
    traps: `Relevant or not, without grades. ${NEEDS_ALL}`,
  },
  'ndcg',
)

export const mrr = ranked(
  {
    kind: 'mrr',
    summary: 'One over the rank of the first relevant document; its mean over items is the MRR.',
    source: `Voorhees 1999, TREC-8 question answering track; ${TREC} (\`recip_rank\`), here of the first k.`,
    traps: `Sees the first relevant document alone. ${NEEDS_ALL}`,
  },
  'reciprocalRank',
)
