/** What embedding models are worth on pairs of texts that people compared, beside what needs no model. Pure and seeded. */

import { seededRandom } from '../../lib/random.ts'
import { endsOf } from '../../lib/statistics/draws.ts'
import type { Ends } from '../../lib/statistics/ends.ts'
import { drawSpearmans, spearman } from '../../lib/statistics/spearman.ts'
import { rougeTokens } from '../scorers/tokens.ts'
import type { TextPair } from './pairs.ts'

/** What a model gave for the pairs of a set, in their order. */
export type ModelSimilarities = {
  model: string
  dimensions: number
  /** For each distinct text, the waiting for the model alone. */
  msPerText: number
  cosines: readonly number[]
}
type SimilarityRow = {
  scorer: string
  isFloor: boolean
  /** With people's scores; null where it is undefined. */
  spearman: number | null
  interval: Ends | null
  /** A model minus the best floor, in the same draws of pairs. */
  difference: { mean: number; interval: Ends } | null
  dimensions: number | null
  msPerText: number | null
}
type SimilaritySet = { set: string; pairs: number; bestFloor: string | null; rows: SimilarityRow[] }

/** Models in the order given, then the floors. */
export function reportPairs(
  set: string,
  pairs: readonly TextPair[],
  models: readonly ModelSimilarities[],
): SimilaritySet {
  const floors = FLOORS.map(({ name, of }) => ({ name, values: pairs.map(of) }))
  const columns = [...models.map(({ cosines }) => cosines), ...floors.map(({ values }) => values)]
  const wanted = pairs.map(({ score }) => score)
  const found = columns.map((values) => spearman(values, wanted))
  const draws = drawSpearmans(columns, wanted, { random: seededRandom(1) })
  const best = floors
    .map(({ name }, at) => ({ name, place: models.length + at, value: found[models.length + at] ?? null }))
    .filter(({ value }) => value !== null)
    .toSorted((one, other) => (other.value ?? 0) - (one.value ?? 0))[0]
  const figuresOf = (place: number) => {
    const own = draws[place] ?? new Float64Array(0)
    return { spearman: found[place] ?? null, interval: endsOf(own) }
  }
  const differenceTo = (place: number): SimilarityRow['difference'] => {
    const value = found[place] ?? null
    if (best === undefined || best.value === null || value === null) return null
    const paired = draws[place]?.map((drawn, draw) => drawn - (draws[best.place]?.[draw] ?? Number.NaN))
    const interval = endsOf(paired ?? [])
    return interval === null ? null : { mean: value - best.value, interval }
  }
  return {
    set,
    pairs: pairs.length,
    bestFloor: best?.name ?? null,
    rows: [
      ...models.map(({ model, dimensions, msPerText }, at) => ({
        scorer: model,
        isFloor: false,
        ...figuresOf(at),
        difference: differenceTo(at),
        dimensions,
        msPerText,
      })),
      ...floors.map(({ name }, at) => ({
        scorer: name,
        isFloor: true,
        ...figuresOf(models.length + at),
        difference: null,
        dimensions: null,
        msPerText: null,
      })),
    ],
  }
}

const FLOORS: readonly { name: string; of: (pair: TextPair) => number }[] = [
  // Jaccard 1912, https://doi.org/10.1111/j.1469-8137.1912.tb05611.x
  { name: 'shared_words', of: ({ a, b }) => jaccard(new Set(rougeTokens(a)), new Set(rougeTokens(b))) },
  { name: 'shared_letters', of: ({ a, b }) => jaccard(trigrams(a), trigrams(b)) },
  { name: 'length', of: ({ a, b }) => Math.min(a.length, b.length) / Math.max(a.length, b.length) },
]

function jaccard(one: ReadonlySet<string>, other: ReadonlySet<string>): number {
  const both = [...one].filter((part) => other.has(part)).length
  const all = one.size + other.size - both
  return all === 0 ? 0 : both / all
}

/** Of three letters in a row, spaces among them. */
function trigrams(text: string): Set<string> {
  const letters = [...` ${rougeTokens(text).join(' ')} `]
  return new Set(letters.slice(2).map((_, at) => letters.slice(at, at + 3).join('')))
}
