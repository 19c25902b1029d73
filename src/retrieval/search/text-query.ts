/** From the lexemes of a question to the two things that are asked of the database: which chunks to look at, and their rank. Pure. */

/** One lexeme of the question that the index knows: in how many chunks it is, and its place in a sparse vector. */
export type QueryLexeme = { lexeme: string; chunks: number; dimension: number }

export type TextQuery = {
  /** A tsquery: chunks that may rank. */
  candidates: string
  /** A sparsevec of each lexeme's rarity; its product with a chunk's weights is BM25. */
  rarity: string
}

/**
 * Chunks whose weights are read for one question. Common words are in most chunks and tell little: when the rare ones
 * already name this many, they only rank.
 */
const MAX_CANDIDATES = 4_000
const DIMENSIONS = 1_000_000_000
/** A question is no book: the rarest of its words are enough. */
const MAX_LEXEMES = 64

/** Null when the index knows none of the words. */
export function textQuery(found: readonly QueryLexeme[], chunks: number): TextQuery | null {
  const lexemes = found
    .toSorted((a, b) => a.chunks - b.chunks || compare(a.lexeme, b.lexeme))
    .slice(0, MAX_LEXEMES)
  if (lexemes.length === 0) return null
  return { candidates: candidatesOf(lexemes, chunks), rarity: rarityOf(lexemes, chunks) }
}

function candidatesOf(lexemes: readonly QueryLexeme[], chunks: number): string {
  const chosen: QueryLexeme[] = []
  let named = 0
  for (const lexeme of lexemes) {
    if (chosen.length > 0 && named + lexeme.chunks > MAX_CANDIDATES) break
    chosen.push(lexeme)
    named += lexeme.chunks
  }
  if (named <= MAX_CANDIDATES) return chosen.map(quoted).join(' | ')
  // Even the rarest word is common: chunks that have the next rarest as well, until few enough are left to expect.
  let expected = named
  for (const lexeme of lexemes.slice(1)) {
    if (expected <= MAX_CANDIDATES) break
    chosen.push(lexeme)
    expected *= lexeme.chunks / Math.max(1, chunks)
  }
  return chosen.map(quoted).join(' & ')
}

/** ln(1 + (N − n + ½) / (n + ½)), which is never negative (Robertson and Zaragoza 2009, with Lucene's 1 + inside). */
function rarityOf(lexemes: readonly QueryLexeme[], chunks: number): string {
  const places = new Map<number, number>()
  for (const { dimension, chunks: n } of lexemes) {
    const rarity = Math.log(1 + (Math.max(chunks, n) - n + 0.5) / (n + 0.5))
    places.set(dimension, Math.max(places.get(dimension) ?? 0, rarity))
  }
  const ordered = [...places].toSorted(([a], [b]) => a - b)
  return `{${ordered.map(([dimension, rarity]) => `${dimension}:${rarity}`).join(',')}}/${DIMENSIONS}`
}

function quoted({ lexeme }: QueryLexeme): string {
  return `'${lexeme.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
