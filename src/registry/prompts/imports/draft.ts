/**
 * What every import ends with: drafts of prompts become files that `aval prompt check` takes, or stand under what was
 * left out, with the reason. Nothing is carried over in part without being said.
 */

import { stringify } from 'yaml'
import { isJsonObject, type JsonObject } from '../../../lib/json.ts'
import { findForeign } from '../foreign-values.ts'
import { isPromptName, readPromptFile } from '../prompt-file.ts'
import { readParameter } from '../prompt-schema.ts'
import { parseTemplate, type Tag } from '../template.ts'
import { importedName } from './imported-name.ts'

/** A prompt as the other product has it, its templates already ours. */
export type Draft = {
  /** Where it stands in the file, for people. */
  source: string
  /** Its name over there. */
  name: string
  description?: string
  /** As a prompt file writes them; checked with the whole file. */
  messages: readonly unknown[]
  settings?: Settings
}

/** What stands beside the messages. */
export type Settings = { parameters?: JsonObject; tools?: unknown; response_format?: unknown }

export type ImportedPrompt = { name: string; source: string; text: string }
export type LeftOut = {
  kind: 'prompt' | 'other'
  /** Where it stands, for people. */
  what: string
  count: number
  reason: string
}
export type Imported = { prompts: readonly ImportedPrompt[]; leftOut: readonly LeftOut[] }

/** More is not a folder that people look through. */
const MAX_PROMPTS = 1000

/** `leftOut` is what the converter itself could not carry over; what this adds comes after it. */
export function toFiles(drafts: readonly Draft[], leftOut: readonly LeftOut[]): Imported {
  const byName = new Map<string, ImportedPrompt>()
  const more: LeftOut[] = []
  for (const draft of drafts.slice(0, MAX_PROMPTS)) {
    const made = toFile(draft)
    if (typeof made === 'string') {
      more.push(promptLeftOut(draft.source, made))
      continue
    }
    const taken = byName.get(made.name)
    if (taken === undefined) byName.set(made.name, made)
    else
      more.push(promptLeftOut(draft.source, `its name ${made.name} is that of ${taken.source}. Rename one.`))
  }
  if (drafts.length > MAX_PROMPTS) {
    const count = drafts.length - MAX_PROMPTS
    more.push({
      kind: 'prompt',
      what: 'the rest',
      count,
      reason: `more than ${MAX_PROMPTS} prompts. Split the file.`,
    })
  }
  return { prompts: [...byName.values()], leftOut: [...leftOut, ...more] }
}

export function promptLeftOut(what: string, reason: string): LeftOut {
  return { kind: 'prompt', what, count: 1, reason }
}

/** Of another product's settings, those that a prompt file has; all others are left out by name. */
export function readSettings(given: unknown, source: string): { settings: Settings; leftOut: LeftOut[] } {
  const settings: Settings = {}
  const leftOut: LeftOut[] = []
  const parameters: JsonObject = {}
  for (const [name, value] of Object.entries(isJsonObject(given) ? given : {})) {
    const what = `${source}: ${name.slice(0, 80)}`
    if (name === 'tools') settings.tools = value
    else if (name === 'response_format') settings.response_format = value
    else {
      const problem = readParameter(name, value)
      if (problem === null) Object.defineProperty(parameters, name, { value, enumerable: true })
      else leftOut.push({ kind: 'other', what, count: 1, reason: problem })
    }
  }
  if (Object.keys(parameters).length > 0) settings.parameters = parameters
  return { settings, leftOut }
}

/** The file, or why there is none. */
function toFile({ source, name: given, description, messages, settings }: Draft): ImportedPrompt | string {
  const name = isPromptName(given) ? given : importedName(given)
  if (name === null) {
    return `the name ${JSON.stringify(given.slice(0, 80))} cannot be that of a file in prompts/. Rename it.`
  }
  // Before anything that calls itself for every level.
  const foreign = findForeign({ messages, ...settings })
  if (foreign !== null) return foreign
  const variables = variablesOf(messages)
  if (typeof variables === 'string') return variables
  const file = {
    ...(description !== undefined && { description }),
    ...(Object.keys(variables).length > 0 && { variables: schemaOf(variables) }),
    messages,
    ...settings,
  }
  const origin = JSON.stringify(source.includes(given) ? source : `${source}, ${given}`)
  // Aliases would be right too, but nobody reads them with pleasure.
  const text = `# Imported: ${origin}\n${stringify(file, { lineWidth: 0, aliasDuplicateObjects: false })}`
  const read = readPromptFile(name, text)
  if ('problems' in read) {
    return read.problems.map((problem) => problem.replace(`prompts/${name}.yaml: `, '')).join(' ')
  }
  return { name, source, text }
}

type Variables = { [name: string]: Variables }

/** Every name that the templates use, dotted ones as objects; or why the templates do not say what they are. */
function variablesOf(messages: readonly unknown[]): Variables | string {
  const variables: Variables = Object.create(null)
  const leaves = new Set<string>()
  for (const text of messages.flatMap(textsOf)) {
    const template = parseTemplate(text)
    // The file's own check says what is wrong, and where.
    if ('problem' in template) continue
    for (const tag of template.tags) {
      if (tag.kind !== 'name') return `${describe(tag)}: a section does not say what its variable holds.`
      addPath(variables, tag.name.split('.'))
      leaves.add(tag.name)
    }
  }
  for (const leaf of leaves) {
    const inner = leaf.split('.').reduce<Variables>((at, step) => at[step] ?? {}, variables)
    if (Object.keys(inner).length > 0) return `{{${leaf}}} is a text and an object at once. Rename one.`
  }
  return variables
}

function addPath(variables: Variables, [first, ...rest]: readonly string[]): void {
  if (first === undefined) return
  variables[first] ??= Object.create(null) as Variables
  addPath(variables[first], rest)
}

/** Texts, every one of them required: over there a missing one was an empty place, or its tag sent to the model. */
function schemaOf(variables: Variables): JsonObject {
  const members = Object.entries(variables).map(([name, inner]) => [
    name,
    Object.keys(inner).length > 0 ? schemaOf(inner) : { type: 'string' },
  ])
  return { type: 'object', required: Object.keys(variables), properties: Object.fromEntries(members) }
}

function textsOf(message: unknown): string[] {
  // The place of the caller's messages is a text.
  if (!isJsonObject(message)) return []
  const { content } = message
  if (typeof content === 'string') return [content]
  if (!Array.isArray(content)) return []
  return content.flatMap((part) => {
    if (!isJsonObject(part)) return []
    const url = isJsonObject(part.image_url) ? part.image_url.url : undefined
    return [part.text, url].filter((text) => typeof text === 'string')
  })
}

function describe({ kind, name }: Tag): string {
  return `{{${kind === 'section' ? '#' : '^'}${name}}}`
}
