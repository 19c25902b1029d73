/**
 * Narrows a JSON Schema to the keywords one vendor understands. Pure: it reports what it had to weaken or could not
 * express, and the caller decides whether that is an error. It never widens a schema without saying so.
 */

import { isJsonObject, type JsonObject, type JsonValue } from './json.ts'

export type SchemaRules = {
  /** Sent as they are. */
  keeps: ReadonlySet<string>
  /** Annotations: dropped without loss. */
  drops: ReadonlySet<string>
  /** Constraints that cannot be enforced: told to the model in `description` instead. */
  notes: ReadonlySet<string>
  /** True where every object must say `additionalProperties: false`. */
  closesObjects: boolean
}

/** Where a keyword stands (`$.properties.age`) and which. */
type SchemaRemark = { path: string; keyword: string }

/** `weakened` keywords became a remark in `description`; `refused` keywords have no expression at all. */
type RestrictedSchema = { schema: JsonObject; weakened: SchemaRemark[]; refused: SchemaRemark[] }

const MAPS_OF_SCHEMAS = new Set(['properties', '$defs', 'definitions'])
const LISTS_OF_SCHEMAS = new Set(['anyOf', 'oneOf', 'allOf', 'prefixItems'])

/** Rewrites `schema` under `rules`. Recursion is as deep as the schema; callers bound the depth of JSON they accept. */
export function restrictSchema(schema: JsonValue, rules: SchemaRules): RestrictedSchema {
  const found: Omit<RestrictedSchema, 'schema'> = { weakened: [], refused: [] }
  return { schema: restrictNode(schema, '$', rules, found), ...found }
}

function restrictNode(
  node: JsonValue,
  path: string,
  rules: SchemaRules,
  found: Omit<RestrictedSchema, 'schema'>,
): JsonObject {
  if (node === true) return {}
  if (!isJsonObject(node)) {
    found.refused.push({ path, keyword: String(node) })
    return {}
  }
  const kept: JsonObject = {}
  const notes: string[] = []
  for (const [keyword, value] of Object.entries(node)) {
    if (value === undefined || rules.drops.has(keyword)) continue
    if (rules.keeps.has(keyword)) {
      kept[keyword] = restrictValue(keyword, value, `${path}.${keyword}`, rules, found)
    } else if (keyword === 'const' && rules.keeps.has('enum')) {
      kept.enum = [value]
    } else if (keyword === 'oneOf' && rules.keeps.has('anyOf') && node.anyOf === undefined) {
      kept.anyOf = restrictValue('anyOf', value, `${path}.oneOf`, rules, found)
      found.weakened.push({ path, keyword })
    } else if (rules.notes.has(keyword)) {
      notes.push(`${keyword}: ${JSON.stringify(value)}`)
      found.weakened.push({ path, keyword })
    } else {
      found.refused.push({ path, keyword })
    }
  }
  if (notes.length > 0) {
    const before = typeof node.description === 'string' ? `${node.description} ` : ''
    kept.description = `${before}(${notes.join(', ')})`
  }
  if (rules.closesObjects && describesObject(node)) closeObject(kept, path, found)
  return kept
}

function restrictValue(
  keyword: string,
  value: JsonValue,
  path: string,
  rules: SchemaRules,
  found: Omit<RestrictedSchema, 'schema'>,
): JsonValue {
  if (MAPS_OF_SCHEMAS.has(keyword) && isJsonObject(value)) {
    const map: JsonObject = {}
    for (const [name, child] of Object.entries(value)) {
      if (child !== undefined) map[name] = restrictNode(child, `${path}.${name}`, rules, found)
    }
    return map
  }
  if (LISTS_OF_SCHEMAS.has(keyword) && Array.isArray(value)) {
    return value.map((child, at) => restrictNode(child, `${path}[${at}]`, rules, found))
  }
  if (keyword === 'items' || (keyword === 'additionalProperties' && typeof value !== 'boolean')) {
    return restrictNode(value, path, rules, found)
  }
  return value
}

function describesObject(node: JsonObject): boolean {
  const type = node.type
  return (
    type === 'object' || (Array.isArray(type) && type.includes('object')) || node.properties !== undefined
  )
}

/** An absent `additionalProperties` may be closed: every answer still fits the caller's schema. An open one may not. */
function closeObject(kept: JsonObject, path: string, found: Omit<RestrictedSchema, 'schema'>): void {
  const additional = kept.additionalProperties
  if (additional !== undefined && additional !== false) {
    found.refused.push({ path, keyword: 'additionalProperties' })
  }
  kept.additionalProperties = false
}
