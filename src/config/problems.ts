/** Turns schema issues into sentences: path, the kind of value that stands there, what is expected, the fix. */

import type { z } from 'zod'
import { nearest } from '../lib/nearest.ts'

type SchemaNode = { _zod: { def: Record<string, unknown> } }

/** One line per problem, in the order of the file. */
export function describeIssues(file: string, schema: z.ZodType, value: unknown, error: z.ZodError): string[] {
  return error.issues.flatMap((issue) => describe(file, schema as unknown as SchemaNode, value, issue))
}

function describe(file: string, schema: SchemaNode, value: unknown, issue: z.core.$ZodIssue): string[] {
  const found = valueAt(value, issue.path)
  const where = `${file}: ${issue.path.join('.') || '(top level)'}`
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(schema, issue.path, value)
    return issue.keys.map((key) => {
      const meant = nearest(key, known)
      const hint = meant === null ? `Known keys: ${known.join(', ')}.` : `Did you mean "${meant}"?`
      return `${where}: unknown key "${key}". ${hint}`
    })
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const best = issue.errors.flat()[0]
    if (best !== undefined)
      return describe(file, schema, value, { ...best, path: [...issue.path, ...best.path] })
  }
  if (issue.code === 'invalid_union' && issue.discriminator !== undefined) {
    return [
      `${where}.${issue.discriminator}: ${kindOf(found)} is not one of openai, anthropic, gemini, local.`,
    ]
  }
  return [`${where}: ${kindOf(found)} where ${expectation(issue)} is expected.`]
}

function expectation(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type') return `a value of type ${issue.expected}`
  if (issue.code === 'invalid_value')
    return `one of ${issue.values.map((one) => `"${String(one)}"`).join(', ')}`
  if (issue.code === 'too_small') return `at least ${issue.minimum}`
  if (issue.code === 'too_big') return `at most ${issue.maximum}`
  if (issue.code === 'invalid_key') return 'a name of lower-case letters, digits, ".", "_" and "-"'
  return issue.message
}

/** The kind and, when short, the value itself: `number 5`, `text "abc"`, `nothing`. */
function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'string')
    return `text ${JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}…` : value)}`
  return `${typeof value} ${String(value)}`
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value
  for (const step of path) {
    if (typeof at !== 'object' || at === null) return undefined
    at = (at as Record<PropertyKey, unknown>)[step]
  }
  return at
}

/** Keys the schema allows at a path; follows optionals, records, lists and discriminated unions. */
function knownKeys(schema: SchemaNode, path: readonly PropertyKey[], value: unknown): string[] {
  let node: SchemaNode | undefined = schema
  let at = value
  for (const step of [...path, null]) {
    node = unwrap(node, at)
    if (node === undefined || step === null) break
    const { def } = node._zod
    const shape = def.shape as Record<PropertyKey, SchemaNode> | undefined
    node = shape === undefined ? ((def.valueType ?? def.element) as SchemaNode | undefined) : shape[step]
    at = valueAt(at, [step])
  }
  return Object.keys((node?._zod.def.shape as object | undefined) ?? {})
}

function unwrap(node: SchemaNode | undefined, value: unknown): SchemaNode | undefined {
  let at = node
  while (at?._zod.def.innerType !== undefined) at = at._zod.def.innerType as SchemaNode
  const options = at?._zod.def.options as SchemaNode[] | undefined
  if (options === undefined) return at
  const discriminator = at?._zod.def.discriminator as string | undefined
  if (discriminator === undefined) return options.find((one) => one._zod.def.shape !== undefined)
  const wanted = valueAt(value, [discriminator])
  return options.find((one) => {
    const shape = one._zod.def.shape as Record<string, { _zod: { def: { values?: unknown[] } } }> | undefined
    return shape?.[discriminator]?._zod.def.values?.includes(wanted) === true
  })
}
