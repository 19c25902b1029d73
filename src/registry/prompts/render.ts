/**
 * A prompt compiled once and rendered for each request: pure, without a clock, a cache or a connection. Values are
 * checked by the prompt's own schema first; nothing that a value holds is ever evaluated.
 */

import { RequestError } from '../../errors.ts'
import { isJsonObject, type JsonObject } from '../../lib/json.ts'
import { compileJsonSchema, type SchemaCheck } from '../../lib/json-schema-check.ts'
import { SCHEMA_OF_CONTEXTS, schemaOfVariables } from './declared-names.ts'
import {
  CONTEXTS,
  MESSAGES_SLOT,
  type PromptContent,
  type PromptContext,
  type PromptMessage,
  type PromptPart,
} from './prompt-content.ts'
import { OverBudgetError, parseTemplate, type RenderBudget, type Template } from './template.ts'

/** A message in OpenAI's wire form. The caller's own pass through as they are. */
export type ChatMessage = JsonObject & { role: string }

export type CompiledPrompt = {
  /** True when the caller's own messages have a place. */
  readonly takesMessages: boolean
  /**
   * The messages in order. Throws RequestError invalid_variables, whose `param` is a JSON Pointer into the variables
   * (`/question`), and invalid_value for messages that have no place.
   */
  render(
    variables: JsonObject,
    more?: {
      contexts?: readonly PromptContext[]
      messages?: readonly ChatMessage[]
      /** Its own unless given; several renderings may share one. */
      budget?: RenderBudget
    },
  ): ChatMessage[]
}

type Compiled<Value> = (values: JsonObject, budget: RenderBudget) => Value

/** All messages of a prompt together; about a quarter of a million tokens. */
const MAX_RENDERED_CHARACTERS = 1_000_000
/** Tags and texts gone through; nested lists multiply them. */
const MAX_STEPS = 200_000
const MAX_VALUE_DEPTH = 32

/** What one prompt may take. */
export function newRenderBudget(): RenderBudget {
  return { characters: MAX_RENDERED_CHARACTERS, steps: MAX_STEPS }
}

/** Throws RangeError for a content that no prompt file could have made. */
export function compilePrompt(content: PromptContent): CompiledPrompt {
  const checks: Checks = {
    variables: compileSchema(schemaOfVariables(content.variables)),
    contexts: compileSchema(SCHEMA_OF_CONTEXTS),
  }
  const entries = content.messages.map((message) =>
    message === MESSAGES_SLOT ? MESSAGES_SLOT : compileMessage(message),
  )
  const takesMessages = entries.includes(MESSAGES_SLOT)
  return {
    takesMessages,
    render(variables, { contexts = [], messages = [], budget = newRenderBudget() } = {}) {
      if (messages.length > 0 && !takesMessages) throw noPlace()
      const values = checkedValues(checks, variables, contexts)
      try {
        return entries.flatMap((entry) => (entry === MESSAGES_SLOT ? messages : [entry(values, budget)]))
      } catch (error) {
        if (error instanceof OverBudgetError) throw tooLong(error)
        throw error
      }
    },
  }
}

function compileMessage({ role, content }: PromptMessage): Compiled<ChatMessage> {
  if (typeof content === 'string') {
    const text = compileText(content)
    return (values, budget) => ({ role, content: text(values, budget) })
  }
  const parts = content.map(compilePart)
  return (values, budget) => ({ role, content: parts.map((part) => part(values, budget)) })
}

function compilePart(part: PromptPart): Compiled<PromptPart> {
  if (part.type === 'text') {
    const text = compileText(part.text)
    return (values, budget) => ({ type: 'text', text: text(values, budget) })
  }
  const url = compileText(part.image_url.url)
  return (values, budget) => ({
    type: 'image_url',
    image_url: { ...part.image_url, url: url(values, budget) },
  })
}

function compileText(text: string): Compiled<string> {
  const template: Template | { problem: { message: string } } = parseTemplate(text)
  if ('problem' in template) throw new RangeError(template.problem.message)
  return (values, budget) => template.render(values, budget)
}

type Checks = { variables: SchemaCheck; contexts: SchemaCheck }

function compileSchema(schema: JsonObject): SchemaCheck {
  const compiled = compileJsonSchema(schema)
  if ('check' in compiled) return compiled.check
  throw new RangeError(`variables: ${compiled.problems[0]?.message}`)
}

function checkedValues(
  checks: Checks,
  variables: JsonObject,
  contexts: readonly PromptContext[],
): JsonObject {
  if (Object.hasOwn(variables, CONTEXTS)) {
    throw invalid(`/${CONTEXTS}`, `/${CONTEXTS} is no variable. Send contexts beside the variables.`)
  }
  const values: JsonObject = { ...variables, [CONTEXTS]: [...contexts] }
  const deep = findTooDeep(values, '', 0)
  if (deep !== null)
    throw invalid(deep, `${deep} is nested deeper than ${MAX_VALUE_DEPTH} levels. Send it flatter.`)
  const problem = checks.variables(variables) ?? checks.contexts(values)
  if (problem !== null) throw invalid(problem.pointer, problem.message)
  return values
}

/** The pointer to the first value that lies too deep; null when none does. */
function findTooDeep(value: unknown, pointer: string, depth: number): string | null {
  if (typeof value !== 'object' || value === null) return null
  if (depth > MAX_VALUE_DEPTH) return pointer
  for (const [name, member] of Object.entries(value)) {
    const found = findTooDeep(member, depth < 2 ? `${pointer}/${name}` : pointer, depth + 1)
    if (found !== null) return found
  }
  return null
}

function invalid(pointer: string, message: string): RequestError {
  return new RequestError('invalid_variables', message, { param: pointer === '' ? null : pointer })
}

function noPlace(): RequestError {
  const message = `This prompt has no place for messages of the caller. Send none, or add "${MESSAGES_SLOT}" to its messages.`
  return new RequestError('invalid_value', message, { param: 'messages' })
}

function tooLong(cause: unknown): RequestError {
  const message = `With these variables the prompt has more than ${MAX_RENDERED_CHARACTERS} characters, or repeats itself more than ${MAX_STEPS} times. Send less.`
  return new RequestError('invalid_variables', message, { cause })
}

/** What a person or a test reads of messages: their texts, one under the other. */
export function joinedText(messages: readonly ChatMessage[]): string {
  return messages.map(({ content }) => textOf(content)).join('\n')
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content
    .flatMap((part) => (isJsonObject(part) && typeof part.text === 'string' ? [part.text] : []))
    .join('\n')
}
