/** Words and BM25 over a handful of short texts held in memory; nothing here is an index for a large corpus. */

/** Lower-cased words and numbers, compatibility forms folded (NFKC), marks kept. `½` becomes `1⁄2`. */
export function wordsOf(text: string): string[] {
  return (
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{M}]+|\p{N}+(?:[.,]\p{N}+)*/gu) ?? []
  )
}

/** A plural or a tense folded onto its stem by the few suffixes that are safe without a dictionary. */
export function stemOf(word: string): string {
  if (word.length <= 3 || !/^[a-z]+$/u.test(word)) return word
  const plain = word.replace(/(?:ies)$/u, 'y').replace(/(?<=[^su])s$/u, '')
  const stem = plain.replace(/(?<=[a-z]{3})(?:ing|edly|ed|ly)$/u, '')
  return stem.replace(/(?<=[a-z]{3})e$/u, '').replace(/([bdgklmnprt])\1$/u, '$1')
}

export type Bm25 = {
  /** The share a term contributes at most: ln(1 + (N - n + 0.5) / (n + 0.5)). */
  inverseFrequency(term: string): number
  /** One score for each text, in order. */
  scores(query: readonly string[]): number[]
}

/**
 * BM25 with Lucene's non-negative idf (Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework",
 * https://doi.org/10.1561/1500000019). k1 1.2 and b 0.75 are the customary values.
 */
export function createBm25(texts: readonly (readonly string[])[], k1 = 1.2, b = 0.75): Bm25 {
  const counts = texts.map((words) => countWords(words))
  const holders = new Map<string, number>()
  for (const count of counts) for (const term of count.keys()) holders.set(term, (holders.get(term) ?? 0) + 1)
  const total = texts.reduce((sum, words) => sum + words.length, 0)
  const meanLength = total / Math.max(1, texts.length) || 1
  const inverseFrequency = (term: string) => {
    const held = holders.get(term) ?? 0
    return Math.log(1 + (texts.length - held + 0.5) / (held + 0.5))
  }
  return {
    inverseFrequency,
    scores: (query) =>
      counts.map((count, at) => {
        const length = k1 * (1 - b + (b * (texts[at]?.length ?? 0)) / meanLength)
        return [...new Set(query)].reduce((score, term) => {
          const seen = count.get(term) ?? 0
          return score + (seen === 0 ? 0 : (inverseFrequency(term) * seen * (k1 + 1)) / (seen + length))
        }, 0)
      }),
  }
}

function countWords(words: readonly string[]): Map<string, number> {
  const count = new Map<string, number>()
  for (const word of words) count.set(word, (count.get(word) ?? 0) + 1)
  return count
}
