/** Which words tell two collections of texts apart. Pure. */

/** How many texts of each collection have the word. */
export type WordCount = { word: string; first: number; second: number }
/** Above 0: of the first collection. */
export type WordOdds = WordCount & { z: number }

/** Of the prior, in texts: what both collections have together, worth so many texts, so that a word seen twice says little. */
const PRIOR_TEXTS = 500

/**
 * z of each word's log-odds ratio between the collections with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008,
 * "Fightin' Words", https://doi.org/10.1093/pan/mpn018, equations 16, 20 and 22). The prior is what both have together.
 */
export function logOddsOfWords(counts: readonly WordCount[]): WordOdds[] {
  const first = counts.reduce((sum, count) => sum + count.first, 0)
  const second = counts.reduce((sum, count) => sum + count.second, 0)
  const all = first + second
  if (all === 0) return []
  return counts.map((count) => {
    const prior = (PRIOR_TEXTS * (count.first + count.second)) / all
    const [a, b] = [count.first + prior, count.second + prior]
    const ratio = (of: number, size: number) => Math.log(of / (size + PRIOR_TEXTS - of))
    const z = (ratio(a, first) - ratio(b, second)) / Math.sqrt(1 / a + 1 / b)
    return { ...count, z }
  })
}
