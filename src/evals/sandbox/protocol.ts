/** What is sent to the process that code of suites runs in, and what comes back. Nothing that comes back is believed. */

import { z } from 'zod'
import type { JsonObject, JsonValue } from '../../lib/json.ts'

export type CodeOrder = {
  code: string
  /**
   * `body`: of a function of `output` and `context`. `commonjs`, `module`: a file that exports the function to call.
   */
  form: 'body' | 'commonjs' | 'module'
  /** Which of a file's exports; null for its default. */
  exported: string | null
  output: JsonValue
  context: JsonObject
  /** Members of the context that are not known here: reading one throws, as nothing may be concluded from `undefined`. */
  unknown: readonly string[]
}

const graded = z.strictObject({ pass: z.boolean(), score: z.number(), reason: z.string().max(2_000) })
const evaluated = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('returned'), value: z.union([z.boolean(), z.number(), graded]) }),
  z.strictObject({ kind: z.literal('failed'), reason: z.string().max(2_000) }),
])
export const sandboxReport = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('ready') }),
  z.strictObject({ kind: z.literal('evaluated'), id: z.int(), evaluated }),
])

/** How code ended: what it returned, every number of it finite; or why there is nothing to go by. */
export type Evaluated = z.output<typeof evaluated>
export type SandboxReport = z.output<typeof sandboxReport>
export type SandboxRequest = { id: number; order: CodeOrder; computeMs: number }
