/**
 * Tests of promptfoo: tables with its magic columns, and the `tests` of its config files
 * (promptfoo.dev/docs/configuration/test-cases, promptfoo.dev/docs/configuration/expected-outputs). What a test asserts
 * by equality is what an item expects; every other assertion is a scorer's business and stays readable as metadata.
 */

import { isJsonObject, type JsonObject, type JsonValue } from '../../../lib/json.ts'
import { answerOf, type Format, type Mapped, metadataOf, without } from './draft.ts'

const ASSERTED =
  'has an assertion other than equality, which judges nothing here: it is kept as metadata. Name a scorer in the suite'
const AFFIXED = 'has a prefix or suffix of the prompt, which is kept as metadata and not added'
const LISTED =
  'has a list as a variable, which stays one list: promptfoo makes one test of each of its values'

export const promptfoo: Format = {
  fits: (row) =>
    isJsonObject(row.vars) ||
    Array.isArray(row.assert) ||
    Object.keys(row).some((name) =>
      /^__(?:expected|description|prefix|suffix|metric|threshold|metadata|config|providerOutput)/.test(name),
    ),
  toItem: (row, isTable) => (isTable ? fromTable(row) : fromTest(row)),
}

function fromTable(row: JsonObject): Mapped {
  const entries = Object.entries(row)
  const magic = entries.filter(([name]) => name.startsWith('__'))
  const variables = Object.fromEntries(entries.filter(([name]) => !name.startsWith('__')))
  const asserted = magic.filter(([name]) => /^__expected\d*$/.test(name))
  const equal = asserted.length === 1 ? equalTo(String(asserted[0]?.[1])) : null
  const rest = magic.filter(
    ([name]) => name !== '__providerOutput' && !(equal !== null && name === asserted[0]?.[0]),
  )
  // `__metadata:team` is the member `team`.
  const metadata = rest.map(([name, value]) => [
    name.replace(/^__(?:metadata:)?/, '').replace(/\[\]$/, ''),
    value,
  ])
  return {
    draft: {
      variables,
      ...(equal === null ? {} : { expected: equal }),
      ...answerOf(row.__providerOutput),
      ...metadataOf(Object.fromEntries(metadata)),
    },
    notes: notesOf(row.__prefix ?? row.__suffix, asserted.length > 0 && equal === null, []),
  }
}

/** The text that a cell's assertion is equal to; null for an assertion of another kind. */
function equalTo(cell: string): string | null {
  const [, name = '', value = ''] =
    /^(?:not-)?([a-z][a-z:-]*[a-z0-9])(?:\([\d.]+\))?(?::\s*(.*))?$/s.exec(cell.trim()) ?? []
  if (cell.startsWith('equals:')) return value
  // A colon alone makes no assertion: an answer such as "note: closed" has one too.
  return ASSERTIONS.has(name) || FAMILIES.test(name) ? null : cell
}

const FAMILIES = /^(?:is|i?contains|context|similar|model-graded|trajectory|trace|perplexity)(?:$|[:-])/
const ASSERTIONS = new Set(
  `equals starts-with regex javascript fn eval python ruby file webhook rouge-n bleu gleu meteor levenshtein latency
  cost classifier moderation guardrails llm-rubric grade g-eval factuality answer-relevance conversation-relevance
  select-best max-score human pi word-count finish-reason tool-call-f1 skill-used agent-rubric search-rubric`.split(
    /\s+/,
  ),
)

const KNOWN = ['vars', 'assert', 'metadata', 'providerOutput']

function fromTest(row: JsonObject): Mapped {
  const { vars, assert, metadata, providerOutput } = row
  if (vars !== undefined && !isJsonObject(vars)) {
    return { problem: 'vars: not an object. Files of variables are not followed: write them out.' }
  }
  const asserted = Array.isArray(assert) ? assert : []
  const equal = asserted.length === 1 ? equalValue(asserted[0]) : undefined
  const options = isJsonObject(row.options) ? row.options : {}
  return {
    draft: {
      variables: vars ?? {},
      ...(equal === undefined ? {} : { expected: equal }),
      ...answerOf(providerOutput),
      ...metadataOf(without(row, KNOWN), equal === undefined ? { assert } : undefined, metadata),
    },
    notes: notesOf(
      options.prefix ?? options.suffix,
      asserted.length > 0 && equal === undefined,
      Object.values(vars ?? {}),
    ),
  }
}

function equalValue(assertion: JsonValue | undefined): JsonValue | undefined {
  return isJsonObject(assertion) && assertion.type === 'equals' ? assertion.value : undefined
}

function notesOf(
  affix: JsonValue | undefined,
  isAsserted: boolean,
  variables: readonly (JsonValue | undefined)[],
): string[] {
  return [
    ...(isAsserted ? [ASSERTED] : []),
    ...(affix === undefined ? [] : [AFFIXED]),
    ...(variables.some((value) => Array.isArray(value)) ? [LISTED] : []),
  ]
}
