/**
 * OpenAI tools and tool_choice -> Gemini `tools` and `toolConfig` (https://ai.google.dev/gemini-api/docs/function-calling).
 * `strict` tools are a hint here: Gemini follows a function's schema but does not promise every constraint.
 */

import type { JsonObject } from '../../lib/json.ts'
import { unsupported } from '../chat/fields.ts'
import type { Tool, ToolChoice, ToolPlan } from '../chat/read-tools.ts'
import { toGeminiSchema } from './schema.ts'

const MODES = { auto: 'AUTO', none: 'NONE', any: 'ANY', named: 'ANY' } as const

/** Empty when the request has no tools. Gemini cannot be told to call one function at a time: refused. */
export function toToolFields(plan: ToolPlan): JsonObject {
  if (plan.tools.length === 0) return {}
  if (!plan.parallel) {
    throw unsupported(
      'parallel_tool_calls',
      'Gemini cannot be kept from calling several tools at once; leave parallel_tool_calls out.',
    )
  }
  const fields: JsonObject = { tools: [{ functionDeclarations: plan.tools.map(toDeclaration) }] }
  if (plan.choice !== null) fields.toolConfig = { functionCallingConfig: toConfig(plan.choice) }
  return fields
}

function toDeclaration(tool: Tool): JsonObject {
  const declaration: JsonObject = { name: tool.name }
  if (tool.description !== null) declaration.description = tool.description
  if (tool.parameters !== null) {
    declaration.parametersJsonSchema = toGeminiSchema(tool.parameters, false, tool.param)
  }
  return declaration
}

function toConfig(choice: ToolChoice): JsonObject {
  const config: JsonObject = { mode: MODES[choice.mode] }
  if (choice.mode === 'named') config.allowedFunctionNames = [choice.name]
  return config
}
