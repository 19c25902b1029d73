/** Providers of a promptfoo config as subjects of ours, with the parameters that go with every question. Pure. */

import { isJsonObject, type JsonObject, type JsonValue } from '../../../lib/json.ts'
import { readSettings } from '../../../registry/prompts/imports/draft.ts'
import type { PromptfooConfig } from './shape.ts'

export type PromptfooProvider = {
  label: string
  /** Whom to ask; or why nobody can be asked. */
  subject: string | { why: string }
  parameters: JsonObject
  /** What of its config is not sent. */
  remarks: readonly string[]
}

const MAX_PROVIDERS = 50
const REMEDY = 'Ask another with --subject, such as --subject local/reader'

/** Prefixes of promptfoo and the upstream that is usually called so here. */
const UPSTREAMS: readonly (readonly [RegExp, string])[] = [
  [/^openai:(?:chat:|responses:)?([^:/]+)$/, 'openai'],
  [/^anthropic:(?:messages:)?([^:/]+)$/, 'anthropic'],
  [/^ollama:(?:chat:)?(?!embeddings:|completion:)([^/]+)$/, 'ollama'],
  [/^(?:google|vertex):(gemini[^:/]*)$/, 'gemini'],
]
/** Members that say nothing of what is asked and answered. */
const KNOWN = new Set(['id', 'label', 'config', 'env', 'delay'])

/** In the order of the file; empty for a config that names none. */
export function readProviders({ providers, targets }: PromptfooConfig): PromptfooProvider[] {
  const given = providers ?? targets
  const list = Array.isArray(given) ? given : given === undefined ? [] : [given]
  return list.slice(0, MAX_PROVIDERS).flatMap(readProvider)
}

/** A name, an object with an id, or an object whose one member is the id. */
function readProvider(given: JsonValue): PromptfooProvider[] {
  if (typeof given === 'string') return [named(given, {})]
  if (!isJsonObject(given)) return [named(JSON.stringify(given), {})]
  if (typeof given.id === 'string') return [named(given.id, given)]
  return Object.entries(given).map(([id, options]) => named(id, isJsonObject(options) ? options : {}))
}

function named(id: string, options: JsonObject): PromptfooProvider {
  const { settings, leftOut } = readSettings(options.config, 'config')
  const { parameters = {}, ...others } = settings
  const strange = Object.keys(options).find((name) => !KNOWN.has(name))
  const unsent = [...Object.keys(others), ...leftOut.map(({ what }) => what.replace(/^config: /, ''))]
  return {
    label: typeof options.label === 'string' ? options.label : id,
    subject:
      strange === undefined
        ? subjectOf(id)
        : { why: `${id} has ${JSON.stringify(strange)}, which is not applied here. ${REMEDY}` },
    parameters,
    remarks: unsent.map((name) => `config.${name} is not sent`),
  }
}

function subjectOf(id: string): string | { why: string } {
  for (const [pattern, upstream] of UPSTREAMS) {
    const [, model] = pattern.exec(id) ?? []
    if (model !== undefined) return `${upstream}/${model}`
  }
  // A model as it is named here, or a route, with a label perhaps.
  if (/^[\w.@-]+(?:\/[\w.@:/-]+)?$/.test(id)) return id
  return { why: `${id.slice(0, 100)} is a provider that is not known here. ${REMEDY}` }
}
