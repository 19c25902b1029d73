/** The shape of a prompt file. What lies deeper than shape (names, templates, schemas) is looked at in `prompt-file.ts`. */

import { z } from 'zod'
import type { JsonObject } from '../../lib/json.ts'
import { MESSAGES_SLOT } from './prompt-content.ts'

const object = z.record(z.string(), z.json()) as unknown as z.ZodType<JsonObject>
const text = z.string()

const part = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), text }),
  z.strictObject({
    type: z.literal('image_url'),
    image_url: z.strictObject({ url: text, detail: z.enum(['auto', 'low', 'high']).exactOptional() }),
  }),
])

const message = z.strictObject({
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content: z.union([text, z.array(part).min(1).max(50)]),
})

const tool = z.looseObject({
  type: z.literal('function'),
  function: z.looseObject({ name: text.min(1).max(64) }),
}) as unknown as z.ZodType<JsonObject>

const responseFormat = z.looseObject({
  type: z.enum(['text', 'json_object', 'json_schema']),
}) as unknown as z.ZodType<JsonObject>

const count = z.int().min(1).exactOptional()

/** OpenAI's names of what is sent beside the messages; what stands elsewhere in the file, or is the caller's, is not here. */
const parameters = z.strictObject({
  temperature: z.number().min(0).max(2).exactOptional(),
  top_p: z.number().min(0).max(1).exactOptional(),
  max_tokens: count,
  max_completion_tokens: count,
  stop: z.union([text, z.array(text).max(4)]).exactOptional(),
  seed: z.int().exactOptional(),
  presence_penalty: z.number().min(-2).max(2).exactOptional(),
  frequency_penalty: z.number().min(-2).max(2).exactOptional(),
  logit_bias: z.record(z.string(), z.number()).exactOptional(),
  logprobs: z.boolean().exactOptional(),
  top_logprobs: z.int().min(0).max(20).exactOptional(),
  reasoning_effort: text.exactOptional(),
  verbosity: text.exactOptional(),
  tool_choice: z.union([text, object]).exactOptional(),
  parallel_tool_calls: z.boolean().exactOptional(),
})

/** Null for a parameter that prompt files have with such a value; else why not. */
export function readParameter(name: string, value: unknown): string | null {
  if (!Object.hasOwn(parameters.shape, name)) return 'prompt files have no such parameter.'
  const shape = parameters.shape[name as keyof typeof parameters.shape]
  return shape.safeParse(value).success ? null : 'its value is none that prompt files take.'
}

const expectation = z.strictObject({
  contains: text.exactOptional(),
  equals: text.exactOptional(),
  matches: text.exactOptional(),
})

const test = z.strictObject({
  variables: object.default({}),
  contexts: z
    .array(z.strictObject({ number: z.int(), text }))
    .max(200)
    .default([]),
  renders: expectation.refine((one) => Object.keys(one).length > 0, {
    error: 'at least one of contains, equals, matches',
  }),
})

export const promptFile = z.strictObject({
  description: text.max(2000).exactOptional(),
  owner: text.min(1).max(200).exactOptional(),
  variables: object.exactOptional(),
  messages: z
    .array(
      z.union([
        message,
        z.literal(MESSAGES_SLOT, { error: `a message {role, content}, or the text "${MESSAGES_SLOT}"` }),
      ]),
    )
    .min(1)
    .max(200),
  tools: z.array(tool).max(128).exactOptional(),
  response_format: responseFormat.exactOptional(),
  parameters: parameters.exactOptional(),
  tests: z.array(test).max(100).default([]),
})

export type PromptFileShape = z.infer<typeof promptFile>
