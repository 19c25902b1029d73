/**
 * Tools and tool choice: Responses' flat shape -> chat's nested one. Only functions can be translated; a tool that
 * OpenAI itself would run is refused, never left out quietly.
 */

import { RequestError } from '../../errors.ts'
import type { JsonObject, JsonValue } from '../../lib/json.ts'
import {
  missing,
  readArray,
  readBoolean,
  readObject,
  readString,
  requireObject,
  requireString,
  unsupported,
  wrongType,
} from './read.ts'

/** The chat members `tools`, `tool_choice` and `parallel_tool_calls`; empty when the request has no tools. */
export function chatTools(body: JsonObject): JsonObject {
  const tools = (readArray(body, 'tools') ?? []).map(chatTool)
  const parallel = readBoolean(body, 'parallel_tool_calls')
  const choice = chatToolChoice(body.tool_choice, tools)
  // Chat completions refuse tool_choice and parallel_tool_calls beside an empty list of tools.
  if (choice.tools.length === 0) return {}
  const members: JsonObject = { tools: choice.tools }
  if (choice.choice !== undefined) members.tool_choice = choice.choice
  if (parallel !== undefined) members.parallel_tool_calls = parallel
  return members
}

function chatTool(value: JsonValue, at: number): JsonObject {
  const path = `tools[${at}]`
  const tool = requireObject(value, path)
  const type = requireString(tool, 'type', `${path}.`)
  if (type !== 'function') {
    const remedy = 'Describe it as a function tool and run it in your program.'
    throw unsupported(`${path}.type`, `The tool "${type}"`, remedy)
  }
  if (readBoolean(tool, 'defer_loading', `${path}.`)) {
    throw unsupported(`${path}.defer_loading`, 'A deferred tool', 'Send the tool without defer_loading.')
  }
  const callable: JsonObject = { name: requireString(tool, 'name', `${path}.`) }
  const description = readString(tool, 'description', `${path}.`)
  const parameters = readObject(tool, 'parameters', `${path}.`)
  const strict = readBoolean(tool, 'strict', `${path}.`)
  if (description !== undefined) callable.description = description
  if (parameters !== undefined) callable.parameters = parameters
  // Absent stays absent: OpenAI's default (true) rewrites the schema first, and a chat upstream would refuse it as it is.
  if (strict !== undefined) callable.strict = strict
  return { type: 'function', function: callable }
}

type Choice = { tools: JsonObject[]; choice: JsonValue | undefined }

function chatToolChoice(value: JsonValue | undefined, tools: JsonObject[]): Choice {
  if (value === undefined || value === null) return { tools, choice: undefined }
  if (typeof value === 'string') {
    if (!['none', 'auto', 'required'].includes(value)) throw badChoice('tool_choice', value)
    if (value === 'required' && tools.length === 0) throw missing('tools')
    return { tools, choice: value }
  }
  const choice = requireObject(value, 'tool_choice')
  const type = requireString(choice, 'type', 'tool_choice.')
  if (type === 'function') {
    const name = requireString(choice, 'name', 'tool_choice.')
    if (!tools.some((tool) => nameOf(tool) === name)) throw badChoice('tool_choice.name', name)
    return { tools, choice: { type, function: { name } } }
  }
  if (type === 'allowed_tools') return allowedTools(choice, tools)
  throw unsupported(
    'tool_choice.type',
    `The tool choice "${type}"`,
    'Use none, auto, required or a function.',
  )
}

/** Offering only the allowed tools means the same and works on upstreams that do not know `allowed_tools`. */
function allowedTools(choice: JsonObject, tools: JsonObject[]): Choice {
  const mode = requireString(choice, 'mode', 'tool_choice.')
  if (mode !== 'auto' && mode !== 'required') throw badChoice('tool_choice.mode', mode)
  const listed = readArray(choice, 'tools', 'tool_choice.')
  if (listed === undefined) throw wrongType('tool_choice.tools', 'an array', choice.tools)
  const names = listed.map((value, at) => {
    const path = `tool_choice.tools[${at}]`
    const name = requireString(requireObject(value, path), 'name', `${path}.`)
    if (!tools.some((tool) => nameOf(tool) === name)) throw badChoice(`${path}.name`, name)
    return name
  })
  if (mode === 'required' && names.length === 0) throw missing('tool_choice.tools[0]')
  return { tools: tools.filter((tool) => names.includes(nameOf(tool))), choice: mode }
}

function nameOf(tool: JsonObject): string {
  return requireString(requireObject(tool.function, 'tools.function'), 'name')
}

function badChoice(param: string, value: string): RequestError {
  const message = `"${param}" is "${value}". Use none, auto, required, or name a function that is in "tools".`
  return new RequestError('invalid_value', message, { param })
}
