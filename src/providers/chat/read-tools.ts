/** The tools of a chat request and which of them the model may or must call, in one typed form. Knows no vendor. */

import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/json.ts'
import {
  needString,
  readBoolean,
  readList,
  readObject,
  readString,
  unsupported,
  wrongType,
  wrongValue,
} from './fields.ts'

export type Tool = {
  name: string
  description: string | null
  parameters: JsonObject | null
  strict: boolean
  cacheControl: JsonObject | null
  /** `tools[0].function.parameters`, for errors. */
  param: string
}

/** `any`: must call some tool. `named`: must call this one. */
export type ToolChoice = { mode: 'auto' | 'none' | 'any' } | { mode: 'named'; name: string }

/** `choice` is null when the request leaves it open; `parallel` is false only when the request forbids several calls. */
export type ToolPlan = { tools: Tool[]; choice: ToolChoice | null; parallel: boolean }

/** An `allowed_tools` choice becomes a shorter tool list. Throws RequestError for a choice that no tool can satisfy. */
export function readTools(body: JsonObject): ToolPlan {
  const tools = (readList(body, 'tools') ?? []).map((tool, at) => readTool(tool, `tools[${at}]`))
  const parallel = readBoolean(body, 'parallel_tool_calls') ?? true
  const asked = body.tool_choice
  if (asked === undefined || asked === null) return { tools, choice: null, parallel }
  if (isJsonObject(asked) && asked.type === 'allowed_tools') return allowOnly(asked, tools, parallel)
  const choice = readChoice(asked)
  if (tools.length === 0 && (choice.mode === 'any' || choice.mode === 'named')) {
    throw wrongValue('tool_choice', 'tool_choice demands a tool call but tools is empty.')
  }
  if (choice.mode === 'named' && !tools.some((tool) => tool.name === choice.name)) {
    throw wrongValue('tool_choice', `tool_choice names "${choice.name}", which is not in tools.`)
  }
  return { tools, choice, parallel }
}

function readTool(tool: JsonValue, param: string): Tool {
  if (!isJsonObject(tool)) throw wrongType(param, 'an object', tool)
  const type = needString(tool, 'type', `${param}.type`)
  if (type !== 'function') {
    throw unsupported(
      `${param}.type`,
      `A tool of type "${type}" is unknown to this upstream; only "function" tools are served.`,
    )
  }
  const about = tool.function
  if (!isJsonObject(about)) throw wrongType(`${param}.function`, 'an object', about)
  return {
    name: needString(about, 'name', `${param}.function.name`),
    description: readString(about, 'description', `${param}.function.description`),
    parameters: readObject(about, 'parameters', `${param}.function.parameters`),
    strict: about.strict === true,
    cacheControl: isJsonObject(tool.cache_control) ? tool.cache_control : null,
    param: `${param}.function.parameters`,
  }
}

function readChoice(asked: JsonValue): ToolChoice {
  if (asked === 'auto' || asked === 'none') return { mode: asked }
  if (asked === 'required') return { mode: 'any' }
  if (isJsonObject(asked) && asked.type === 'function' && isJsonObject(asked.function)) {
    return { mode: 'named', name: needString(asked.function, 'name', 'tool_choice.function.name') }
  }
  throw wrongValue(
    'tool_choice',
    'tool_choice must be "auto", "none", "required" or {"type":"function","function":{"name":…}}.',
  )
}

function allowOnly(asked: JsonObject, tools: Tool[], parallel: boolean): ToolPlan {
  const allowed = readObject(asked, 'allowed_tools', 'tool_choice.allowed_tools') ?? {}
  const names = new Set<string>()
  for (const entry of readList(allowed, 'tools', 'tool_choice.allowed_tools.tools') ?? []) {
    const about = isJsonObject(entry) ? entry.function : undefined
    if (isJsonObject(about)) names.add(needString(about, 'name', 'tool_choice.allowed_tools.tools'))
  }
  const kept = tools.filter((tool) => names.has(tool.name))
  if (kept.length === 0) throw wrongValue('tool_choice', 'tool_choice.allowed_tools names none of tools.')
  return { tools: kept, choice: { mode: allowed.mode === 'required' ? 'any' : 'auto' }, parallel }
}
