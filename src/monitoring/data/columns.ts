/** What two windows of requests have in common by columns: shares, categories, lengths, what retrieval gave. Pure and seeded. */

import { quantile } from '../../lib/quantile.ts'
import { namedRandom } from '../../lib/random.ts'
import { labelsOf, permutationTest } from '../../lib/statistics/permutation.ts'
import { cramersV, entropyDifference, entropyOf, smirnovDistance } from '../../lib/statistics/unlike.ts'
import type { Spoken } from './compare-questions.ts'
import { type Finding, MAX_INDEXES, type Tested, tooFew, unknownFinding } from './finding.ts'
import type { SampledRequest } from './sampled-request.ts'

/** Cramér's V of two columns and Smirnov's distance alike: what Cohen (1988, section 7.2) calls small. A share that was 0 is 2 % then. */
const SMALL = 0.1
/** Bits: of 32 documents that are hit alike, six no more. */
const ENTROPY_BAR = 0.3

/** Items of one window and of the other, and what of them is compared. */
type Column<Item, Value> = {
  feature: string
  recent: readonly Item[]
  baseline: readonly Item[]
  of: (item: Item) => Value
}

/** Whether the prompt's variables fit, and whether the content filter ended the answer; no body is needed. */
export function compareRows(
  recent: readonly SampledRequest[],
  baseline: readonly SampledRequest[],
  seed: number,
) {
  return [
    share(
      { feature: 'variables_refused', recent, baseline, of: ({ refusedVariables }) => refusedVariables },
      seed,
    ),
    share({ feature: 'answer_filtered', recent, baseline, of: ({ filtered }) => filtered }, seed),
  ]
}

/** Language and length of questions, refusals and JSON of answers. */
export function compareWords(recent: readonly Spoken[], baseline: readonly Spoken[], seed: number) {
  const known = (some: readonly Spoken[]) => some.filter(({ words }) => words.language !== null)
  return [
    categories(
      {
        feature: 'question_language',
        recent: known(recent),
        baseline: known(baseline),
        of: ({ words }) => words.language ?? '',
      },
      seed,
    ),
    distribution(
      { feature: 'question_length', recent, baseline, of: ({ words }) => words.question.length },
      seed,
    ),
    distribution(
      { feature: 'answer_length', recent, baseline, of: ({ words }) => words.answer.length },
      seed,
    ),
    share(
      {
        feature: 'answer_refused',
        recent,
        baseline,
        of: ({ words }) => words.answer.refused,
      },
      seed,
    ),
    share({ feature: 'answer_json', recent, baseline, of: ({ words }) => words.answer.isJson }, seed),
  ]
}

type Searched = SampledRequest & { search: NonNullable<SampledRequest['search']> }

/** Of each index version that both windows searched: cosines of two models do not compare. `minScores`: below which a release abstains. */
export function compareRetrieval(
  recent: readonly SampledRequest[],
  baseline: readonly SampledRequest[],
  seed: number,
) {
  const searched = (some: readonly SampledRequest[], index?: string) =>
    some.filter(
      (one): one is Searched => one.search !== null && (index === undefined || one.search.index === index),
    )
  const indexes = [...new Set(searched(recent).map(({ search }) => search.index))].sort()
  return indexes.slice(0, MAX_INDEXES).flatMap((index) => {
    const both = { recent: searched(recent, index), baseline: searched(baseline, index) }
    const near = (some: readonly Searched[]) => some.filter(({ search }) => search.cosine !== null)
    return [
      distribution(
        {
          feature: `retrieval_cosine:${index}`,
          recent: near(both.recent),
          baseline: near(both.baseline),
          of: ({ search }) => search.cosine ?? 0,
        },
        seed,
      ),
      share(
        { feature: `retrieval_empty:${index}`, ...both, of: ({ search }) => search.documents.length === 0 },
        seed,
      ),
      entropy(
        { feature: `retrieval_documents:${index}`, ...both, of: ({ search }) => search.documents },
        seed,
      ),
    ]
  })
}

function share<Item>(column: Column<Item, boolean>, seed: number): Tested | Finding {
  const { recent, baseline, of } = column
  const level = (some: readonly Item[]) => some.filter(of).length / some.length
  return compared(column, seed, 'cramers-v@1', () => ({
    statistic: cramersV(Int32Array.from([...recent, ...baseline], (item) => (of(item) ? 1 : 0))),
    bar: SMALL,
    levels: { recent: level(recent), baseline: level(baseline) },
  }))
}

function categories<Item>(column: Column<Item, string>, seed: number): Tested | Finding {
  const { recent, baseline, of } = column
  const level = (some: readonly Item[], name: string) =>
    some.filter((item) => of(item) === name).length / some.length
  return compared(column, seed, 'cramers-v@1', () => {
    const values = [...recent, ...baseline].map(of)
    const names = [...new Set(values)]
    const shares = names.map((name) => ({
      name,
      recent: level(recent, name),
      baseline: level(baseline, name),
    }))
    const { name, ...levels } = shares.reduce((most, one) =>
      Math.abs(one.recent - one.baseline) > Math.abs(most.recent - most.baseline) ? one : most,
    )
    const statistic = cramersV(Int32Array.from(values, (value) => names.indexOf(value)))
    return { statistic, bar: SMALL, levels, reason: `"${name}" moved most.` }
  })
}

function distribution<Item>(column: Column<Item, number>, seed: number): Tested | Finding {
  const { recent, baseline, of } = column
  const median = (some: readonly Item[]) => quantile(some.map(of), 0.5) ?? 0
  return compared(column, seed, 'smirnov@1', () => ({
    statistic: smirnovDistance(Float64Array.from([...recent, ...baseline], of)),
    bar: SMALL,
    levels: { recent: median(recent), baseline: median(baseline) },
  }))
}

function entropy<Item>(column: Column<Item, readonly string[]>, seed: number): Tested | Finding {
  const { recent, baseline, of } = column
  return compared(column, seed, 'entropy@1', () => {
    const numbers = new Map<string, number>()
    const numberOf = (name: string) => {
      const number = numbers.get(name) ?? numbers.size
      numbers.set(name, number)
      return number
    }
    const hits = [...recent, ...baseline].map((item) => Int32Array.from(of(item), numberOf))
    const level = (some: readonly Int32Array[]) => {
      const counts = new Float64Array(numbers.size)
      for (const item of some) for (const hit of item) counts[hit] = (counts[hit] ?? 0) + 1
      return entropyOf(counts)
    }
    const levels = { recent: level(hits.slice(0, recent.length)), baseline: level(hits.slice(recent.length)) }
    return { statistic: entropyDifference(hits), bar: ENTROPY_BAR, levels }
  })
}

type Look = Pick<Tested, 'bar' | 'levels'> & {
  statistic: Parameters<typeof permutationTest>[1]
  reason?: string
}

/** `look` is asked only where there is enough to compare. */
function compared<Item, Value>(
  column: Column<Item, Value>,
  seed: number,
  method: string,
  look: () => Look,
): Tested | Finding {
  const { feature, recent, baseline } = column
  const sizes = { recent: recent.length, baseline: baseline.length }
  const few = tooFew(sizes)
  if (few !== null) return unknownFinding({ feature, method, sizes }, few, seed)
  const { statistic, ...said } = look()
  const tested = permutationTest(labelsOf(recent.length, baseline.length), statistic, {
    random: namedRandom(`${feature} ${seed}`),
  })
  return { feature, method, sizes, tested, effect: tested.statistic, ...said }
}
