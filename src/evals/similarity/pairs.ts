/** A folder of pairs of texts with how alike people found them, one file a set. */

import type { JsonObject } from '../../lib/json.ts'
import { findSetFiles, type Problems, type SetPath } from '../../retrieval/quality/find-sets.ts'
import { readRows, readSetFile } from '../../retrieval/quality/set-file.ts'

/** `score` on any scale: its order is what counts. */
export type TextPair = { a: string; b: string; score: number }

const MAX_ROWS = 100_000
const SHAPE = 'One row is {"a": text, "b": text, "score": number}, a higher score for texts more alike.'

export function findPairSets(folder: string): { sets: SetPath[] } | Problems {
  return findSetFiles(folder, SHAPE)
}

/** The rows of a set in the order of the file. */
export function readPairs({ path }: SetPath): { rows: TextPair[] } | Problems {
  const file = readSetFile(path)
  if ('why' in file) return { problems: [`${path}: ${file.why}`] }
  const read = readRows(path, file.text, MAX_ROWS, (row) =>
    'object' in row ? readPair(row.object) : `not a JSON object. ${SHAPE}`,
  )
  return 'problems' in read ? read : { rows: read.values }
}

function readPair({ a, b, score }: JsonObject): TextPair | string {
  if (typeof a !== 'string' || a.trim() === '') return `"a" is no text. ${SHAPE}`
  if (typeof b !== 'string' || b.trim() === '') return `"b" is no text. ${SHAPE}`
  // JSON may write 1e999.
  if (typeof score !== 'number' || !Number.isFinite(score)) return `"score" is no number. ${SHAPE}`
  return { a, b, score }
}
