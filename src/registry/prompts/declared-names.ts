/** Holds a template's tags against the schema of its variables: a name that nothing declares would print nothing. */

import { isJsonObject, type JsonObject } from '../../lib/json.ts'
import { nearest } from '../../lib/nearest.ts'
import { CONTEXTS } from './prompt-content.ts'
import type { Tag, TemplateProblem } from './template.ts'

const CONTEXTS_SCHEMA: JsonObject = {
  type: 'array',
  items: {
    type: 'object',
    required: ['number', 'text'],
    properties: { number: { type: 'integer' }, text: { type: 'string' } },
  },
}

/**
 * What variables are checked against. One that is not declared is refused rather than ignored, unless the file says
 * otherwise: it is a slip of the pen, or of no use.
 */
export function schemaOfVariables(variables: JsonObject | undefined): JsonObject {
  return { additionalProperties: false, properties: {}, ...variables, type: 'object' }
}

export const SCHEMA_OF_CONTEXTS: JsonObject = { type: 'object', properties: { [CONTEXTS]: CONTEXTS_SCHEMA } }

/** Every tag whose name neither the variables nor `contexts` have. */
export function findUndeclared(tags: readonly Tag[], variables: JsonObject | undefined): TemplateProblem[] {
  const declared = isJsonObject(variables?.properties) ? variables.properties : {}
  return check(tags, [{ properties: { ...declared, [CONTEXTS]: CONTEXTS_SCHEMA } }])
}

/** `scopes`: the innermost first; the last is that of all variables. */
function check(tags: readonly Tag[], scopes: readonly JsonObject[]): TemplateProblem[] {
  return tags.flatMap((tag) => {
    const found = lookUp(tag.name, scopes)
    if (typeof found === 'string') return [{ at: tag.at, message: `the tag {{${tag.name}}} ${found}` }]
    if (tag.kind === 'inverted') return check(tag.inside, scopes)
    return tag.kind === 'section' ? check(tag.inside, [itemOf(found), ...scopes]) : []
  })
}

/** The schema of a name, or what is wrong with it. */
function lookUp(name: string, scopes: readonly JsonObject[]): JsonObject | string {
  if (name === '.') {
    const own = scopes[0]
    return own === undefined || scopes.length === 1
      ? 'stands for an item of a list, and here is none. Write the name of a variable.'
      : own
  }
  const [first = '', ...rest] = name.split('.')
  const holder = scopes.find((scope) => memberOf(scope, first) !== null)
  if (holder === undefined) return undeclared(first, scopes)
  let schema = memberOf(holder, first) ?? {}
  for (const step of rest) {
    const member = memberOf(schema, step)
    if (member === null) {
      return isJsonObject(schema.items)
        ? `reaches into a list. Write {{#${first}}}…{{/${first}}} around {{${step}}}.`
        : undeclared(step, [schema])
    }
    schema = member
  }
  return schema
}

/** What a section's inside sees first: an item of a list, or the value itself. */
function itemOf(schema: JsonObject): JsonObject {
  return isJsonObject(schema.items) ? schema.items : schema
}

function memberOf(schema: JsonObject, name: string): JsonObject | null {
  const { properties } = schema
  if (!isJsonObject(properties) || !Object.hasOwn(properties, name)) return null
  const member = properties[name]
  return isJsonObject(member) ? member : {}
}

function undeclared(name: string, scopes: readonly JsonObject[]): string {
  const known = scopes.flatMap(({ properties }) => (isJsonObject(properties) ? Object.keys(properties) : []))
  const meant = nearest(name, known)
  return `needs "${name}", which variables does not declare. ${
    meant === null ? `Add it under variables.properties.` : `Did you mean "${meant}"?`
  }`
}
