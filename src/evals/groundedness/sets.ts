/** A folder of labelled answers, one file a set: which sets there are, and one of them read. */

import type { JsonObject } from '../../lib/json.ts'
import { findSetFiles, type Problems, type SetPath } from '../../retrieval/quality/find-sets.ts'
import { readRows, readSetFile } from '../../retrieval/quality/set-file.ts'

export type LabelledAnswer = {
  contexts: readonly string[]
  answer: string
  isSupported: boolean
  /** Answers that share it are easy or hard together: the unit that is drawn, and of folds. */
  group: string
}

const MAX_ROWS = 100_000
const SHAPE =
  'One row is {"context": text or texts, "response": text, "label": 1 for supported or 0, "group": text}.'

export function findSets(folder: string): { sets: SetPath[] } | Problems {
  return findSetFiles(folder, SHAPE)
}

/** The rows of a set in the order of the file. A row without a group is one of its own. */
export function readSet({ path }: SetPath): { rows: LabelledAnswer[] } | Problems {
  const file = readSetFile(path)
  if ('why' in file) return { problems: [`${path}: ${file.why}`] }
  let count = 0
  const read = readRows(path, file.text, MAX_ROWS, (row) => {
    count += 1
    return 'object' in row ? readAnswerRow(row.object, `row ${count}`) : `not a JSON object. ${SHAPE}`
  })
  return 'problems' in read ? read : { rows: read.values }
}

function readAnswerRow(row: JsonObject, ownGroup: string): LabelledAnswer | string {
  const contexts = Array.isArray(row.context) ? row.context : [row.context]
  if (!contexts.every((context) => typeof context === 'string')) return `"context" is no text. ${SHAPE}`
  if (typeof row.response !== 'string') return `"response" is no text. ${SHAPE}`
  if (row.label !== 0 && row.label !== 1) return `"label" is neither 0 nor 1. ${SHAPE}`
  const group = typeof row.group === 'string' ? row.group : ownGroup
  return { contexts, answer: row.response, isSupported: row.label === 1, group }
}

/** What sets of one kind share: `summedits-podcast` and `summedits-samsum` are of the kind `summedits`. */
export function kindOf(set: string): string {
  return /^[^-]+/u.exec(set)?.[0] ?? set
}
