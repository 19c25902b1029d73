/** JSON of people's files: no deeper than items are, no outermost member twice, and what is wrong in a sentence. */

import { scanTopLevel } from '../../lib/json-scan.ts'
import { MAX_DEPTH } from './check-item.ts'

/** `extraDepth`: of what is around the items. A member that comes twice would be lost by JSON.parse. */
export function parseJson(text: string, extraDepth = 0): { value: unknown } | { why: string } {
  const { depth, duplicate } = scanTopLevel(Buffer.from(text), MAX_DEPTH + extraDepth)
  if (depth > MAX_DEPTH + extraDepth)
    return { why: `nested deeper than ${MAX_DEPTH} levels. Write it flatter.` }
  try {
    const value: unknown = JSON.parse(text)
    if (duplicate === null) return { value }
    return { why: `the member "${duplicate.slice(0, 60)}" comes twice. Keep one.` }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    const number = /[:[,]\s*(NaN|-?Infinity)\b/.exec(text)?.[1]
    if (number === undefined) return { why: 'not valid JSON.' }
    return { why: `not valid JSON: ${number} is no number of it. Leave the member out, or write null.` }
  }
}
