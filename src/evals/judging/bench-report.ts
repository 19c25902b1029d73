/** What a judge is worth on a set that people judged, beside what needs no judge. Pure and seeded. */

import { namedRandom } from '../../lib/random.ts'
import { type Agreement, agreementOf } from '../../lib/statistics/agreement.ts'
import type { Ends } from '../../lib/statistics/ends.ts'
import { wilsonInterval } from '../../lib/statistics/proportion.ts'
import { type JudgedPair, type JudgedSet, PREFERENCES, SUPPORTS } from './judged-sets.ts'

/** How the judging of one row ended. `flipped`: a preference that turned with the order, which counts as a tie. */
export type RowJudgement =
  | { outcome: 'scored'; label: string; flipped: boolean | null }
  | { outcome: 'abstained' | 'error'; reason: string }

type JudgeRow = {
  /** The judge, `people`, or a floor. */
  rater: string
  isFloor: boolean
  /** Rows that it says something of, and the share of them that it calls as people decided. */
  rows: number
  agreement: { share: number; interval: Ends } | null
  /** Cohen's; null where it is undefined, as for a floor that gives one label throughout. */
  kappa: Pick<Agreement, 'estimate' | 'low' | 'high'> | null
}
export type JudgeSetFigures = {
  set: string
  kind: JudgedSet['kind']
  /** Rows that were drawn, and how their judging ended. */
  drawn: number
  judged: number
  abstained: number
  errors: number
  /** The commonest reason of what was not judged. */
  commonestReason: string | null
  /** Of the judged pairs, those whose preference turned with the order; null for answers. */
  flipped: number | null
  /** The judge first, then people among themselves, then the floors over the rows that were judged. */
  rows: JudgeRow[]
}

const CONFIDENCE = 0.95
const RESAMPLES = 1_999

/** `judgements` in the order of the set's rows. */
export function reportJudge(
  name: string,
  set: JudgedSet,
  judgements: readonly RowJudgement[],
): JudgeSetFigures {
  const categories: readonly string[] = set.kind === 'pairs' ? PREFERENCES : SUPPORTS
  const labels: string[] = set.rows.map(({ label }) => label)
  const places = judgements.flatMap(({ outcome }, at) => (outcome === 'scored' ? [at] : []))
  const judged = judgements.flatMap((one) => (one.outcome === 'scored' ? [one] : []))
  const wanted = places.map((at) => labels[at] ?? '')
  const rowOf = (rater: string, isFloor: boolean, said: readonly string[], truth: readonly string[]) => ({
    rater,
    isFloor,
    ...agreementWith(said, truth, categories, `${name} ${rater}`),
  })
  const floors = floorsOf(set, labels, categories)
  return {
    set: name,
    kind: set.kind,
    drawn: set.rows.length,
    judged: judged.length,
    abstained: judgements.filter(({ outcome }) => outcome === 'abstained').length,
    errors: judgements.filter(({ outcome }) => outcome === 'error').length,
    commonestReason: commonest(judgements.flatMap((one) => ('reason' in one ? [one.reason] : []))),
    flipped: set.kind === 'pairs' ? judged.filter(({ flipped }) => flipped === true).length : null,
    rows: [
      rowOf(
        'judge',
        false,
        judged.map(({ label }) => label),
        wanted,
      ),
      ...(set.kind === 'pairs' ? peopleRows(set.rows, namedRandom(`${name} votes`), rowOf) : []),
      ...floors.map(({ floor, said }) =>
        rowOf(
          floor,
          true,
          places.map((at) => said[at] ?? ''),
          wanted,
        ),
      ),
    ],
  }
}

/** One person against another, one pair drawn from each row: what a judge that is as good as a person would reach. */
function peopleRows(
  rows: readonly JudgedPair[],
  random: () => number,
  rowOf: (rater: string, isFloor: boolean, said: string[], truth: string[]) => JudgeRow,
): JudgeRow[] {
  const pairs = rows.flatMap(({ votes }) => {
    if (votes.length < 2) return []
    const one = Math.floor(random() * votes.length)
    const other = (one + 1 + Math.floor(random() * (votes.length - 1))) % votes.length
    return [[votes[one] ?? '', votes[other] ?? ''] as const]
  })
  if (pairs.length === 0) return []
  return [
    rowOf(
      'people',
      false,
      pairs.map(([one]) => one),
      pairs.map(([, other]) => other),
    ),
  ]
}

function floorsOf(
  set: JudgedSet,
  labels: readonly string[],
  categories: readonly string[],
): { floor: string; said: string[] }[] {
  const most = categories.toSorted(
    (one, other) =>
      labels.filter((label) => label === other).length - labels.filter((label) => label === one).length,
  )[0]
  const majority = { floor: 'majority', said: labels.map(() => most ?? '') }
  if (set.kind === 'answers') return [majority]
  const longer = set.rows.map(({ a, b }) => (a.length === b.length ? 'tie' : a.length > b.length ? 'a' : 'b'))
  return [{ floor: 'longer', said: longer }, majority]
}

function agreementWith(
  said: readonly string[],
  truth: readonly string[],
  categories: readonly string[],
  seed: string,
): Pick<JudgeRow, 'rows' | 'agreement' | 'kappa'> {
  if (said.length === 0) return { rows: 0, agreement: null, kappa: null }
  const same = said.filter((label, at) => label === truth[at]).length
  return {
    rows: said.length,
    agreement: { share: same / said.length, interval: wilsonInterval(same, said.length, CONFIDENCE) },
    kappa: agreementOf(said, truth, {
      measure: 'kappa',
      categories,
      random: namedRandom(seed),
      resamples: RESAMPLES,
    }),
  }
}

function commonest(reasons: readonly string[]): string | null {
  const counts = Map.groupBy(reasons, (reason) => reason)
  return [...counts].toSorted((one, other) => other[1].length - one[1].length)[0]?.[0] ?? null
}
