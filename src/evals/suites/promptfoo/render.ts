/** The part of Nunjucks that can be rendered exactly: names, their members, `dump`, comments. Whatever else a text holds is a reason. */

import { isJsonObject, type JsonObject, type JsonValue } from '../../../lib/json.ts'
import { parseYaml } from '../../../lib/yaml.ts'

export type Rendered = { text: string } | { why: string }
type Messages = { messages: JsonObject[] } | { why: string }

const TOKEN = /\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}|\{#[\s\S]*?#\}/g
const NAME = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/
/** JSON; nothing is escaped, so nothing is to be declared safe. */
const DUMP = /\s*\|\s*dump(?:\s*\|\s*safe)?$/
/** Words that are values there, not names. */
const LITERALS = new Set(['true', 'false', 'none', 'null'])
const MAX_SHOWN = 60

/**
 * The text with its variables, nothing escaped, as promptfoo renders it; what is not set is empty there. `why` for what only
 * the whole of Nunjucks renders, and for a value that is no text, number or truth value.
 */
export function render(text: string, variables: JsonObject): Rendered {
  let why: string | null = null
  const made = text.replace(TOKEN, (token) => {
    if (token.startsWith('{#')) return ''
    const name = token.slice(2, -2).trim()
    const value = token.startsWith('{{') ? textOf(name, variables) : { why: 'a statement' }
    if ('text' in value) return value.text
    why ??= `${shorten(token)} is ${value.why}, and only names of variables are filled in`
    return token
  })
  return why === null ? { text: made } : { why }
}

function textOf(name: string, variables: JsonObject): Rendered {
  if (/^env(?:\.|$)/.test(name)) return { why: 'the environment' }
  const path = name.replace(DUMP, '')
  if (!NAME.test(path) || LITERALS.has(path))
    return { why: name.includes('|') ? 'a filter' : 'an expression' }
  let at: JsonValue | undefined = variables
  for (const step of path.split('.')) {
    at = isJsonObject(at) && Object.hasOwn(at, step) ? at[step] : undefined
  }
  if (path !== name && at !== undefined) return { text: JSON.stringify(at) }
  if (at === undefined || at === null) return { text: '' }
  return typeof at === 'object' ? { why: 'an object or a list' } : { text: String(at) }
}

/**
 * Variables as a prompt gets them: one line end at the end of a text goes, and a text that names others is filled. `why` where
 * that text names what has to be filled itself.
 */
export function renderVariables(variables: JsonObject): { variables: JsonObject } | { why: string } {
  const trimmed = Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [
      name,
      typeof value === 'string' ? value.replace(/\n$/, '') : value,
    ]),
  )
  const filled: JsonObject = {}
  for (const [name, value] of Object.entries(trimmed)) {
    const made = typeof value === 'string' ? render(value, trimmed) : { text: null }
    if ('why' in made) return { why: `the variable ${name}: ${made.why}` }
    if (made.text?.match(TOKEN)) return { why: `the variable ${name} names variables that name others` }
    filled[name] = made.text ?? value
  }
  return { variables: filled }
}

/**
 * What a prompt sends: the messages of a chat in JSON, whose texts are filled one by one, or in YAML; or one message of a
 * user. `variables` as `renderVariables` gives them.
 */
export function renderMessages(prompt: string, variables: JsonObject): Messages {
  const parsed = jsonOf(prompt)
  if (parsed !== undefined && typeof parsed === 'object' && parsed !== null) {
    let why: string | null = null
    const filled = mapTexts(parsed, (text) => {
      const made = render(text, variables)
      if ('text' in made) return made.text
      why ??= made.why
      return text
    })
    return why === null ? messagesOf(filled, JSON.stringify(filled, null, 2)) : { why }
  }
  const made = render(prompt, variables)
  if ('why' in made) return made
  const text = made.text.trim()
  if (text.startsWith('- role:')) {
    const chat = parseYaml(made.text, 'the prompt')
    return 'problems' in chat ? { why: chat.problems.join(' ') } : messagesOf(chat.value, made.text)
  }
  const chat = jsonOf(made.text)
  if (chat !== undefined) return messagesOf(chat, made.text)
  const isBroken = /^\[\s*\{[\s\S]*\]$|^\{[\s\S]*\}$/.test(text)
  return isBroken ? { why: 'a chat that is not valid JSON once it is filled' } : messagesOf(null, made.text)
}

/** What is no list of messages is said by the user. */
function messagesOf(value: unknown, text: string): Messages {
  const isChat =
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((one) => isJsonObject(one) && typeof one.role === 'string')
  return { messages: isChat ? (value as JsonObject[]) : [{ role: 'user', content: text }] }
}

function mapTexts(value: JsonValue, change: (text: string) => string): JsonValue {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map((one) => mapTexts(one, change))
  if (!isJsonObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, one === undefined ? one : mapTexts(one, change)]),
  )
}

function jsonOf(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function shorten(token: string): string {
  const line = token.replace(/\s+/g, ' ')
  return line.length > MAX_SHOWN ? `${line.slice(0, MAX_SHOWN)}…` : line
}
