/** What one item alone demands of its answer: the assertions of a test, each a kind of scorer with its settings. */

import { z } from 'zod'
import type { JsonObject } from '../lib/json.ts'

const share = z.number().min(0).max(1)
const weight = z.number().min(0).max(1_000_000).optional()
const metric = z.string().min(1).max(100).optional()
const settings = z.record(z.string(), z.json()) as unknown as z.ZodType<JsonObject>

const check = z.strictObject({
  /** Of a scorer; `not-contains` too. */
  kind: z.string().min(1).max(60),
  settings: settings.optional(),
  /** The opposite: passed is failed, and a score s is 1 − s. Also of kinds that are not binary. */
  not: z.boolean().optional(),
  /** What passes counts 1 and what fails 0, whatever the kind's own value. */
  by_pass: z.boolean().optional(),
  weight,
  metric,
})
/** A kind of judge with its settings. */
const judge = z.strictObject({ kind: z.string().min(1).max(60), settings, not: z.boolean().optional() })
/** Nothing here decides by it. It keeps the test from passing, and says why; what `judge` says of it is reported beside. */
const unjudged = z.strictObject({
  type: z.string().min(1).max(60),
  not_evaluated: z.string().min(1).max(1000),
  judge: judge.optional(),
  weight,
  metric,
})
const group = z.strictObject({
  all: z
    .array(z.union([check, unjudged]))
    .min(1)
    .max(100),
  threshold: share.optional(),
  weight,
  metric,
})

/** `threshold`: passed from this score on, whatever single assertions say; without one all have to pass. */
export const assertionsShape = z.strictObject({
  checks: z.array(z.union([check, unjudged, group])).max(200),
  threshold: share.optional(),
})

export type Assertions = z.output<typeof assertionsShape>
export type Assertion = Assertions['checks'][number]
export type Check = z.output<typeof check>

type UnjudgedAssertion = z.output<typeof unjudged>
/** One of which a model may say something, though nothing decides by it. */
export type ReportedAssertion = UnjudgedAssertion & { judge: NonNullable<UnjudgedAssertion['judge']> }

/** Every assertion that names a judge, in groups too. */
export function reportedAssertions({ checks }: Assertions): ReportedAssertion[] {
  return checks
    .flatMap((one) => ('all' in one ? one.all : [one]))
    .filter((one): one is ReportedAssertion => 'not_evaluated' in one && one.judge !== undefined)
}

/** Every assertion that has a kind, in groups too. */
export function checksOf({ checks }: Assertions): Check[] {
  return checks
    .flatMap((one) => ('all' in one ? one.all : [one]))
    .filter((one): one is Check => 'kind' in one)
}
