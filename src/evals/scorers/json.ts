/** Scorers of answers that are to be JSON. */

import { z } from 'zod'
import type { JsonValue } from '../../lib/json.ts'
import { nothingExpected } from './expected.ts'
import { findJson } from './json-in-prose.ts'
import { compileSchemaSetting, jsonIdentity, parseJson, readIdentity } from './json-values.ts'
import { failed, verdict } from './outcome.ts'
import type { ScorerKind } from './scorer.ts'

const schemaSetting = z
  .union([z.record(z.string(), z.json()), z.boolean()])
  .optional()
  .describe('a JSON Schema of the keywords that prompts may use; left out, any JSON')

const isJsonSettings = z.strictObject({ schema: schemaSetting })

export const isJson: ScorerKind<z.output<typeof isJsonSettings>> = {
  kind: 'is-json',
  version: 1,
  summary: 'The whole answer parses as JSON and fits the schema, where one is given.',
  source: 'RFC 8259; JSON Schema 2020-12; promptfoo (is-json).',
  traps:
    'A bare number or text in quotes is JSON too: give a schema when an object is meant. Fences and words around fail; `contains-json` looks inside. Of a repeated member the last counts. An empty answer is no JSON. More than 500 levels deep fails, longer than 5 million characters abstains.',
  values: 'binary',
  better: 'higher',
  settings: isJsonSettings,
  prepare({ schema }) {
    const check = schema === undefined ? null : compileSchemaSetting(schema, 'schema')
    return ({ output }) => {
      const parsed = parseJson(output)
      if ('outcome' in parsed) return parsed
      if ('problem' in parsed) return verdict(false, `The answer is no JSON: ${parsed.problem}`)
      const wrong = check?.(parsed.value) ?? null
      return wrong === null
        ? verdict(true, `The answer is JSON${check === null ? '' : ' that fits the schema'}.`)
        : verdict(false, `The answer is JSON that does not fit: ${wrong.message}`, { pointer: wrong.pointer })
    }
  },
}

const containsJsonSettings = z.strictObject({
  schema: schemaSetting,
  lists: z.boolean().default(false).describe('a list in square brackets counts as well'),
})

export const containsJson: ScorerKind<z.output<typeof containsJsonSettings>> = {
  kind: 'contains-json',
  version: 1,
  summary: 'An object somewhere in the answer parses as JSON and fits the schema, where one is given.',
  source: 'RFC 8259; JSON Schema 2020-12; promptfoo (contains-json).',
  traps:
    'Any object counts, also `{}` in an example: give a schema. Lists count only where asked for, as a citation such as [1] is one. An empty answer contains none. The search tries 1,000 brackets and walks 5 million characters, then abstains.',
  values: 'binary',
  better: 'higher',
  settings: containsJsonSettings,
  prepare({ schema, lists }) {
    const check = schema === undefined ? null : compileSchemaSetting(schema, 'schema')
    return ({ output }) => {
      const found = findJson(output, lists, check)
      if ('outcome' in found) return found
      return 'value' in found
        ? verdict(true, `The answer contains JSON${check === null ? '' : ' that fits the schema'}.`)
        : verdict(false, `The answer contains no such JSON: ${found.problem}`)
    }
  },
}

const jsonMatchSettings = z.strictObject({
  value: z.json().optional().describe('any JSON, or JSON as text; left out, what the item expects'),
  several: z
    .boolean()
    .default(true)
    .describe('a list of texts is a list of ideal answers, each JSON as text'),
})

export const jsonMatch: ScorerKind<z.output<typeof jsonMatchSettings>> = {
  kind: 'json-match',
  version: 1,
  summary: 'The whole answer parses to JSON equal to an ideal answer, member by member.',
  source: 'openai/evals, evals.elsuite.basic.json_match:JsonMatch.',
  traps:
    'All or nothing: one wrong member fails as much as a missing answer. Numbers are equal or not, without tolerance. Unlike there, null equals null. An ideal answer that is no JSON is an error. An empty answer matches nothing.',
  values: 'binary',
  better: 'higher',
  settings: jsonMatchSettings,
  prepare({ value, several }) {
    return ({ output, expected }) => {
      const ideal = (value as JsonValue | undefined) ?? expected
      if (ideal === null) return nothingExpected()
      const alternatives = readIdeals(ideal, several)
      if (alternatives === null) return failed('An ideal answer is no JSON. Write JSON, or JSON as text.')
      const answered = readIdentity(output)
      if ('outcome' in answered) return answered
      if ('problem' in answered) return verdict(false, `The answer is no JSON: ${answered.problem}`)
      const holds = alternatives.includes(answered.identity)
      const which =
        alternatives.length === 1 ? 'the ideal answer' : `one of ${alternatives.length} ideal answers`
      return verdict(holds, `The JSON of the answer ${holds ? 'equals' : 'does not equal'} ${which}.`)
    }
  },
}

/** Ideal answers by their identity; null when a text among them is no JSON. */
function readIdeals(ideal: JsonValue, several: boolean): string[] | null {
  const texts = several && Array.isArray(ideal) && ideal.every((one) => typeof one === 'string')
  const identities = (texts ? ideal : [ideal]).map((one) => {
    const read = typeof one === 'string' ? readIdentity(one) : { identity: jsonIdentity(one) }
    return 'identity' in read ? read.identity : null
  })
  const known = identities.filter((identity) => identity !== null)
  return known.length === identities.length ? known : null
}
