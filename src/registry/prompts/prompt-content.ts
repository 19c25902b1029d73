/** What a prompt is: the content of one version, and the tests that stand beside it in the file. */

import type { JsonObject } from '../../lib/json.ts'
import { type Content, contentOf } from '../content.ts'

/** Stands in the list of messages where the caller's own messages go. */
export const MESSAGES_SLOT = '{{messages}}'
/** The variable that holds the found passages; every prompt may use it, none declares it. */
export const CONTEXTS = 'contexts'

export type PromptPart =
  | { type: 'text'; text: string }
  | { type: 'image_url'; image_url: { url: string; detail?: 'auto' | 'low' | 'high' } }

/** Texts, and the addresses of images, are templates. */
export type PromptMessage = {
  role: 'system' | 'developer' | 'user' | 'assistant'
  content: string | PromptPart[]
}

/**
 * Identity: everything of the file but `tests` is hashed. So a version shows what its reviewer saw, description and
 * owner included, and there is one rule to remember; tests say how the content is checked, so a better test makes no
 * other prompt. Members that the file leaves out are absent here too: a member that a later Aval adds changes no hash.
 */
export type PromptContent = {
  description?: string
  owner?: string
  /** A JSON Schema of type object. */
  variables?: JsonObject
  messages: (PromptMessage | typeof MESSAGES_SLOT)[]
  tools?: JsonObject[]
  responseFormat?: JsonObject
  /** What is sent beside the messages, in OpenAI's names: `temperature`. */
  parameters?: JsonObject
}

/** A found passage, as prompts cite it. */
export type PromptContext = { number: number; text: string }

/** Renders with the variables, and expects every named thing of the joined text of the messages. */
export type PromptTest = {
  variables: JsonObject
  contexts: PromptContext[]
  renders: { contains?: string; equals?: string; matches?: string }
}

/** The canonical text that a version stores, and its hash. Throws RangeError for what JSON cannot hold. */
export function contentOfPrompt({ responseFormat, ...rest }: PromptContent): Content {
  return contentOf({ ...rest, ...(responseFormat !== undefined && { response_format: responseFormat }) })
}

/** The content of a stored version. */
export function parsePromptContent(text: string): PromptContent {
  const { response_format: responseFormat, ...rest } = JSON.parse(text) as PromptContent & {
    response_format?: JsonObject
  }
  return { ...rest, ...(responseFormat !== undefined && { responseFormat }) }
}
