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
  const method = 'cramers-v@1'
  const { feature, recent, baseline, of } = column
  const few = demandEnough(column, method, seed)
  if (few !== null) return few
  const tested = test(
    column,
    seed,
    cramersV(Int32Array.from([...recent, ...baseline], (item) => (of(item) ? 1 : 0))),
  )
  const level = (some: readonly Item[]) => some.filter(of).length / some.length
  const levels = { recent: level(recent), baseline: level(baseline) }
  return { feature, method, sizes: sizesOf(column), tested, effect: tested.statistic, bar: SMALL, levels }
}

function categories<Item>(column: Column<Item, string>, seed: number): Tested | Finding {
  const method = 'cramers-v@1'
  const { feature, recent, baseline, of } = column
  const few = demandEnough(column, method, seed)
  if (few !== null) return few
  const values = [...recent, ...baseline].map(of)
  const names = [...new Set(values)]
  const tested = test(column, seed, cramersV(Int32Array.from(values, (value) => names.indexOf(value))))
  const level = (some: readonly Item[], name: string) =>
    some.filter((item) => of(item) === name).length / some.length
  const shares = names.map((name) => ({ name, recent: level(recent, name), baseline: level(baseline, name) }))
  const { name, ...levels } = shares.reduce((most, one) =>
    Math.abs(one.recent - one.baseline) > Math.abs(most.recent - most.baseline) ? one : most,
  )
  const reason = `"${name}" moved most.`
  return {
    feature,
    method,
    sizes: sizesOf(column),
    tested,
    effect: tested.statistic,
    bar: SMALL,
    levels,
    reason,
  }
}

function distribution<Item>(column: Column<Item, number>, seed: number): Tested | Finding {
  const method = 'smirnov@1'
  const { feature, recent, baseline, of } = column
  const few = demandEnough(column, method, seed)
  if (few !== null) return few
  const tested = test(column, seed, smirnovDistance(Float64Array.from([...recent, ...baseline], of)))
  const median = (some: readonly Item[]) => quantile(some.map(of), 0.5) ?? 0
  const levels = { recent: median(recent), baseline: median(baseline) }
  return { feature, method, sizes: sizesOf(column), tested, effect: tested.statistic, bar: SMALL, levels }
}

function entropy<Item>(column: Column<Item, readonly string[]>, seed: number): Tested | Finding {
  const method = 'entropy@1'
  const { feature, recent, baseline, of } = column
  const few = demandEnough(column, method, seed)
  if (few !== null) return few
  const numbers = new Map<string, number>()
  const numberOf = (name: string) => {
    const number = numbers.get(name) ?? numbers.size
    numbers.set(name, number)
    return number
  }
  const hits = [...recent, ...baseline].map((item) => Int32Array.from(of(item), numberOf))
  const tested = test(column, seed, entropyDifference(hits))
  const level = (some: readonly Int32Array[]) => {
    const counts = new Float64Array(numbers.size)
    for (const item of some) for (const hit of item) counts[hit] = (counts[hit] ?? 0) + 1
    return entropyOf(counts)
  }
  const levels = { recent: level(hits.slice(0, recent.length)), baseline: level(hits.slice(recent.length)) }
  return {
    feature,
    method,
    sizes: sizesOf(column),
    tested,
    effect: tested.statistic,
    bar: ENTROPY_BAR,
    levels,
  }
}

function test<Item, Value>(
  { feature, recent, baseline }: Column<Item, Value>,
  seed: number,
  statistic: Parameters<typeof permutationTest>[1],
) {
  return permutationTest(labelsOf(recent.length, baseline.length), statistic, {
    random: namedRandom(`${feature} ${seed}`),
  })
}

function demandEnough<Item, Value>(
  column: Column<Item, Value>,
  method: string,
  seed: number,
): Finding | null {
  const sizes = sizesOf(column)
  const few = tooFew(sizes)
  return few === null ? null : unknownFinding({ feature: column.feature, method, sizes }, few, seed)
}

function sizesOf<Item, Value>({ recent, baseline }: Column<Item, Value>): Tested['sizes'] {
  return { recent: recent.length, baseline: baseline.length }
}
