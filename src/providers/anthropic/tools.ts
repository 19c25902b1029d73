/** OpenAI tools and tool_choice -> Anthropic tools and tool_choice (https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview). */

import type { JsonObject } from '../../lib/json.ts'
import type { Tool, ToolPlan } from '../chat/read-tools.ts'
import { toClosedSchema } from './schema.ts'

/** Empty when the request has no tools. `guaranteed`: the model can hold a `strict` tool to its schema. */
export function toToolFields(plan: ToolPlan, guaranteed: boolean): JsonObject {
  if (plan.tools.length === 0) return {}
  const fields: JsonObject = { tools: plan.tools.map((tool) => toTool(tool, guaranteed)) }
  const choice = toChoice(plan)
  if (choice !== null) fields.tool_choice = choice
  return fields
}

function toTool(tool: Tool, guaranteed: boolean): JsonObject {
  const parameters = tool.parameters ?? { type: 'object', properties: {} }
  const holdsStrictly = tool.strict && guaranteed
  const built: JsonObject = {
    name: tool.name,
    input_schema: {
      type: 'object',
      ...(holdsStrictly ? toClosedSchema(parameters, true, tool.param) : parameters),
    },
  }
  if (tool.description !== null) built.description = tool.description
  if (holdsStrictly) built.strict = true
  if (tool.cacheControl !== null) built.cache_control = tool.cacheControl
  return built
}

function toChoice(plan: ToolPlan): JsonObject | null {
  const { choice, parallel } = plan
  if (choice?.mode === 'none') return { type: 'none' }
  if (choice === null && parallel) return null
  const built: JsonObject =
    choice?.mode === 'named' ? { type: 'tool', name: choice.name } : { type: choice?.mode ?? 'auto' }
  if (!parallel) built.disable_parallel_tool_use = true
  return built
}
