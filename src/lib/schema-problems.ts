/** Turns schema issues into sentences: path, the kind of value that stands there, what is expected, the fix. */

import type { z } from 'zod'
import { nearest } from './nearest.ts'

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
  if (issue.code === 'invalid_union') {
    if (issue.errors.length > 0) {
      return closest(issue.errors).flatMap((one) =>
        describe(file, schema, value, { ...one, path: [...issue.path, ...one.path] }),
      )
    }
    const { options } = issue as { options?: readonly unknown[] }
    const choices = options === undefined ? 'another value' : `one of ${options.join(', ')}`
    return [`${where}: ${kindOf(found, issue.path)} where ${choices} is expected.`]
  }
  if (issue.code === 'invalid_key') {
    const expected = issue.issues[0]?.message ?? 'another name'
    return [`${where}: the name ${JSON.stringify(String(issue.path.at(-1)))} where ${expected} is expected.`]
  }
  return [`${where}: ${kindOf(found, issue.path)} where ${expectation(issue)} is expected.`]
}

/** Of the alternatives of a union, the one whose kind of value stands there, with the fewest mistakes: they lie deeper than the kind. */
function closest(branches: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] {
  const sameKind = branches.filter((issues) =>
    issues.every(({ code, path }) => code !== 'invalid_type' || path.length > 0),
  )
  const [closest = branches[0] ?? []] = sameKind.toSorted((one, other) => one.length - other.length)
  return closest
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
}

function expectation(issue: z.core.$ZodIssue): string {
  // The schema's own words win over the kind alone.
  if (
    !issue.message.startsWith('Invalid ') &&
    (issue.code === 'invalid_type' || issue.code === 'invalid_value')
  )
    return issue.message
  if (issue.code === 'invalid_type') return TYPES[issue.expected] ?? `a value of type ${issue.expected}`
  if (issue.code === 'invalid_value')
    return `one of ${issue.values.map((one) => `"${String(one)}"`).join(', ')}`
  if (issue.code === 'too_small')
    return `${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${unitOf(issue.origin)}`
  if (issue.code === 'too_big') return `at most ${issue.maximum}${unitOf(issue.origin)}`
  return issue.message
}

function unitOf(origin: string): string {
  if (origin === 'array') return ' in the list'
  return origin === 'string' ? ' characters' : ''
}

/** Longer texts may be secrets in the wrong place; what people mistype (names, durations, sizes) is shorter. */
const MAX_SHOWN_CHARS = 24
/** Values that are secrets, or that carry them in some upstreams. */
const NEVER_SHOWN = /^(key|secret|headers|query|base_url)$/

/** The kind and, when it is short and cannot be a secret, the value itself: `number 5`, `text "abc"`, `nothing`. */
function kindOf(value: unknown, path: readonly PropertyKey[]): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object') return 'an object'
  const text = String(value)
  const hidden = text.length > MAX_SHOWN_CHARS || path.some((step) => NEVER_SHOWN.test(String(step)))
  const kind = typeof value === 'string' ? 'text' : typeof value
  if (hidden) return `${kind} of ${text.length} characters`
  return `${kind} ${typeof value === 'string' ? JSON.stringify(text) : text}`
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
