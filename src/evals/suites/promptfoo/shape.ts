/** A promptfoo config as its files have it (promptfoo.dev/docs/configuration/reference). Loose: what is not read is reported. */

import { z } from 'zod'
import type { JsonObject, JsonValue } from '../../../lib/json.ts'

const json = z.json() as unknown as z.ZodType<JsonValue>
const object = z.record(z.string(), z.json()) as unknown as z.ZodType<JsonObject>

const members = {
  type: z.string().min(1).max(60).optional(),
  $ref: z.string().max(300).optional(),
  value: json.optional(),
  threshold: z.number().nullish(),
  weight: z.number().min(0).nullish(),
  metric: z.string().max(1000).nullish(),
  config: json.optional(),
  provider: json.optional(),
}
const TYPED = 'an object with a type'
const isTyped = ({ type, $ref }: { type?: string | undefined; $ref?: string | undefined }) =>
  type !== undefined || $ref !== undefined
const assertion = z
  .looseObject({
    ...members,
    /** Of an assert-set, which holds no other set. */
    assert: z.array(z.looseObject(members).refine(isTyped, TYPED)).max(100).optional(),
  })
  .refine(isTyped, TYPED)

export const testShape = z.looseObject({
  description: z.string().nullish(),
  vars: z.union([object, z.string(), z.array(z.string())]).nullish(),
  assert: z.array(assertion).max(200).nullish(),
  threshold: z.number().nullish(),
  metadata: object.nullish(),
  options: object.nullish(),
})

export const configShape = z.looseObject({
  description: z.string().nullish(),
  prompts: z.union([z.string(), z.array(z.json()), z.record(z.string(), z.json())]),
  providers: json.optional(),
  targets: json.optional(),
  tests: z.union([z.string(), z.array(json), object]).nullish(),
  defaultTest: z.union([z.string(), testShape]).nullish(),
  assertionTemplates: z.record(z.string(), assertion).nullish(),
  scenarios: z.array(z.json()).nullish(),
  evaluateOptions: z
    .looseObject({
      maxConcurrency: z.int().min(1).optional(),
      repeat: z.int().min(1).max(100).optional(),
      timeoutMs: z.number().min(0).optional(),
    })
    .nullish(),
})

export type PromptfooConfig = z.output<typeof configShape>
export type PromptfooTest = z.output<typeof testShape>
export type PromptfooAssertion = z.output<typeof assertion>
