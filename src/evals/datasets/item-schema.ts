/** The JSON Schema that every item of a dataset fits: read once, asked of each item as a whole. */

import type { JsonValue } from '../../lib/json.ts'
import { compileJsonSchema } from '../../lib/json-schema-check.ts'
import type { Problems } from './check-item.ts'
import type { DatasetItem } from './item.ts'

/** A sentence about an item that does not fit, or null. */
export type ItemCheck = (item: DatasetItem) => string | null

/** Schemas are written by hand. */
export const MAX_SCHEMA_BYTES = 64 * 1024

/** Of the keywords that `src/lib/json-schema-check.ts` knows; any other is a mistake, never ignored. */
export function compileItemSchema(schema: JsonValue, where: string): { check: ItemCheck } | Problems {
  const compiled = compileJsonSchema(schema)
  if ('problems' in compiled) {
    return {
      problems: compiled.problems.map(({ path, message }) => `${where}: ${path.join('.')}: ${message}`),
    }
  }
  return {
    check: (item) => {
      const problem = compiled.check(item)
      return problem === null ? null : `does not fit the schema: ${problem.message}`
    },
  }
}
