/**
 * `response_format` -> Anthropic structured outputs. `json_schema` has a counterpart (`output_config.format`).
 * `json_object` has none, so the model is made to call a reserved tool whose input is any JSON object; the response
 * side turns that call back into text. The reserved name is the only state, so nothing has to be remembered.
 */

import type { JsonObject } from '../../lib/json.ts'
import { unsupported } from '../chat/fields.ts'
import { type ResponseFormat, SCHEMA_PARAM } from '../chat/read-parameters.ts'
import { hasStructuredOutputs } from './models.ts'
import { toClosedSchema } from './schema.ts'

/** A tool call of this name is the answer itself. */
export const ANSWER_TOOL = 'aval_json_answer'

/** The `output_config.format` of the request; null when the format needs none. */
export function toOutputFormat(model: string, format: ResponseFormat): JsonObject | null {
  if (format.kind !== 'json-schema') return null
  if (!hasStructuredOutputs(model)) {
    throw unsupported(
      'response_format',
      `${model} has no structured outputs; use json_object, a tool, or a newer model.`,
    )
  }
  return { type: 'json_schema', schema: toClosedSchema(format.schema, format.strict, SCHEMA_PARAM) }
}

/** Tools and choice that make the model answer with one JSON object; null for other formats. */
export function toAnswerTool(format: ResponseFormat, hasTools: boolean, thinks: boolean): JsonObject | null {
  if (format.kind !== 'json-object') return null
  if (hasTools || thinks) {
    const other = hasTools ? 'tools' : 'reasoning_effort'
    throw unsupported('response_format', `Claude cannot combine json_object with ${other}; use json_schema.`)
  }
  return {
    tools: [
      {
        name: ANSWER_TOOL,
        description: 'Give the whole answer as one JSON object.',
        input_schema: { type: 'object', additionalProperties: true },
      },
    ],
    tool_choice: { type: 'tool', name: ANSWER_TOOL, disable_parallel_tool_use: true },
  }
}
