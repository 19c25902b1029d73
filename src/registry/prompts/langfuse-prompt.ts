/**
 * A version of a prompt in the form that Langfuse's SDKs read. Their `compile` puts values in place of `{{name}}` and does
 * nothing else, so a prompt that asks for more is refused here: half-filled it would go to a model and nobody would know.
 */

import { RequestError } from '../../errors.ts'
import type { JsonObject } from '../../lib/json.ts'
import { MESSAGES_SLOT, type PromptContent, type PromptMessage } from './prompt-content.ts'
import { parseTemplate } from './template.ts'

type LangfuseMessage = { role: string; content: string } | { type: 'placeholder'; name: string }

export type LangfusePrompt = {
  name: string
  version: number
  type: 'chat'
  prompt: readonly LangfuseMessage[]
  /** What is sent beside the messages, as a chat request names it. */
  config: JsonObject
  labels: readonly string[]
  tags: readonly string[]
}

/** Throws RequestError unsupported_operation, with the first place that `compile` could not fill as Aval does. */
export function toLangfuse(
  { name, version, content }: { name: string; version: number; content: PromptContent },
  labels: readonly string[],
): LangfusePrompt {
  const { messages, parameters, tools, responseFormat } = content
  const prompt = messages.map((message, at): LangfuseMessage => {
    if (message === MESSAGES_SLOT) return { type: 'placeholder', name: 'messages' }
    const written = plainText(message)
    if ('why' in written) throw beyondLangfuse(`${name}@${version}`, at, written.why)
    return { role: message.role, content: written.text }
  })
  const config: JsonObject = {
    ...parameters,
    ...(tools !== undefined && { tools }),
    ...(responseFormat !== undefined && { response_format: responseFormat }),
  }
  return { name, version, type: 'chat', prompt, config, labels, tags: [] }
}

function plainText({ content }: PromptMessage): { text: string } | { why: string } {
  if (typeof content !== 'string') return { why: 'is a list of parts' }
  const comment = /\{\{\s*!/.exec(content)
  if (comment !== null) return { why: 'has a comment, {{! … }}' }
  const template = parseTemplate(content)
  if ('problem' in template) throw new RangeError(template.problem.message)
  for (const { kind, name } of template.tags) {
    if (kind !== 'name') return { why: `has a section, {{${kind === 'section' ? '#' : '^'}${name}}}` }
    if (name.includes('.')) return { why: `reaches into a value, {{${name}}}` }
  }
  return { text: content }
}

function beyondLangfuse(reference: string, at: number, why: string): RequestError {
  return new RequestError(
    'unsupported_operation',
    `messages.${at} of ${reference} ${why}, which compile() of Langfuse's SDKs cannot fill. Call the route through /v1 with prompt.variables, or POST /api/prompts/{name}/versions/{version}/render.`,
  )
}
