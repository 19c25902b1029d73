/**
 * A suite, `evals/<name>.yaml`: what is asked of whom, how the answers are judged, and what is good enough. Its text becomes
 * a Suite, or sentences that say every mistake with its path, what stands there and what to write.
 */

import { z } from 'zod'
import type { JsonObject } from '../../lib/json.ts'
import { parseUsd } from '../../lib/money.ts'
import { describeIssues } from '../../lib/schema-problems.ts'
import { parseDurationMs } from '../../lib/units.ts'
import { parseYaml } from '../../lib/yaml.ts'
import { readParameter } from '../../registry/prompts/prompt-schema.ts'

export type Gates = {
  /** Of the mean: how good it has to be. */
  atLeast: number | null
  atMost: number | null
  /** How much worse than the baseline is still as good, in the scorer's own unit. */
  notWorseBy: number | null
  /** Of the mean over these very items, with no claim about others: what a regression test demands. */
  observedAtLeast: number | null
  /** Of pairs with a perturbed item: the share that may flip, by the perturbation's name. Left out for none. */
  flipsAtMost?: Readonly<Record<string, number>>
}
export type SuiteScorer = {
  /** As the report calls it; one of a kind in a suite. */
  name: string
  /** `contains`, `not-contains`, … */
  kind: string
  settings: JsonObject
  gates: Gates
}
export type Suite = {
  name: string
  description: string | null
  dataset: { name: string; version: number | null }
  split: string | null
  /** `route`, `route@label`, `route@r12`, `upstream/model`, or `recorded` for the outputs that the items bring. */
  subject: string
  repeats: number
  scorers: readonly SuiteScorer[]
  /** Micro-USD; null without a cap. */
  budget: bigint | null
  concurrency: number
  /** Of one call, milliseconds. */
  timeoutMs: number
  /** Share of all judgements that has to be there before the suite decides anything. */
  coverage: number
  /** Of a one-sided decision: how often a candidate that is worse by the whole margin may pass. */
  alpha: number
  /** Sent with every question: temperature, max_tokens and what else prompts may set. */
  parameters: JsonObject
  /** Goes to models that take one, counted up with each repeat; null sends none. */
  seed: number | null
  /** Ask through the upstream's batch API: within a day, at its price for batches. */
  batch: boolean
  /** Take over answers and judgements of earlier runs up to this age; null asks everything anew. */
  cache: { maxAgeMs: number } | null
}

const MAX_REPEATS = 100
const MAX_SCORERS = 50
const MAX_CONCURRENCY = 64
const CACHE_MS = 7 * 86_400_000
const MAX_CACHE_MS = 90 * 86_400_000
const MAX_FILE_BYTES = 256 * 1024
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const OWN_KEYS = new Set([
  'name',
  'kind',
  'at_least',
  'at_most',
  'not_worse_by',
  'observed_at_least',
  'flips_at_most',
])

const share = z.number().min(0).max(1)
const flipBars = z.record(z.string().min(1).max(60), share)

/** As the file and the wire have one scorer: its kind alone, or an object. */
export const scorerShape = z.union([
  z.string().min(1).max(60),
  z
    .looseObject({
      kind: z.string().min(1).max(60).exactOptional(),
      name: z.string().min(1).max(60).exactOptional(),
      at_least: z.number().exactOptional(),
      at_most: z.number().exactOptional(),
      not_worse_by: z.number().positive().exactOptional(),
      observed_at_least: z.number().exactOptional(),
      flips_at_most: flipBars.exactOptional(),
    })
    .refine(({ kind, name }) => kind !== undefined || name !== undefined, 'an object with a kind'),
])

const duration = z.string().refine((text) => (parseDurationMs(text) ?? 0) > 0, 'a duration such as 60s')
const age = duration.refine(
  (text) => (parseDurationMs(text) ?? 0) <= MAX_CACHE_MS,
  'at most 90d: what is older says little of what is served now',
)
const dollars = z
  .union([z.number().min(0), z.string()])
  .refine((value) => parseUsd(String(value)) !== null, 'an amount such as 2.50')

function hasOnlyParameters(given: Record<string, unknown>): boolean {
  return Object.entries(given).every(([name, value]) => readParameter(name, value) === null)
}

/** As the file and the wire have it. */
export const suiteShape = z.strictObject({
  description: z.string().max(2000).exactOptional(),
  dataset: z
    .string()
    .regex(
      /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:@[1-9]\d{0,8})?$/,
      'a name such as support-questions or support-questions@7',
    ),
  split: z.string().min(1).max(60).exactOptional(),
  subject: z.string().min(1).max(300),
  repeats: z.int().min(1).max(MAX_REPEATS).default(1),
  scorers: z.array(scorerShape).min(1).max(MAX_SCORERS),
  budget_usd: dollars.exactOptional(),
  concurrency: z.int().min(1).max(MAX_CONCURRENCY).default(4),
  timeout: duration.default('120s'),
  coverage: share.default(0.98),
  alpha: z.number().min(0.0001).max(0.5).default(0.05),
  parameters: z
    .record(z.string(), z.json())
    .refine(hasOnlyParameters, 'parameters as prompt files have them')
    .exactOptional(),
  seed: z.int().exactOptional(),
  batch: z.boolean().default(false),
  cache: z.union([z.boolean(), z.strictObject({ max_age: age })]).default(false),
})

export type SuiteShape = z.output<typeof suiteShape>

/** `name` without folder and ending. Throws for nothing that a text can hold. */
export function readSuiteFile(name: string, text: string): Suite | { problems: readonly string[] } {
  const where = `evals/${name}.yaml`
  if (!NAME.test(name)) {
    return { problems: [`${where}: call it by lower-case letters, digits and hyphens, at most 63.`] }
  }
  if (Buffer.byteLength(text) > MAX_FILE_BYTES) {
    return { problems: [`${where}: larger than ${MAX_FILE_BYTES} bytes. Items belong into a dataset.`] }
  }
  const read = parseYaml(text, where)
  if ('problems' in read) return read
  const parsed = suiteShape.safeParse(read.value)
  if (!parsed.success) return { problems: describeIssues(where, suiteShape, read.value, parsed.error) }
  const suite = toSuite(name, parsed.data)
  const problems = scorerProblems(suite)
  return problems.length > 0 ? { problems: problems.map((problem) => `${where}: ${problem}`) } : suite
}

export function toSuite(name: string, shape: SuiteShape): Suite {
  const [dataset = '', version] = shape.dataset.split('@')
  return {
    name,
    description: shape.description ?? null,
    dataset: { name: dataset, version: version === undefined ? null : Number(version) },
    split: shape.split ?? null,
    subject: shape.subject,
    repeats: shape.repeats,
    scorers: shape.scorers.map(toScorer),
    budget: shape.budget_usd === undefined ? null : parseUsd(String(shape.budget_usd)),
    concurrency: shape.concurrency,
    timeoutMs: parseDurationMs(shape.timeout) ?? 0,
    coverage: shape.coverage,
    alpha: shape.alpha,
    parameters: (shape.parameters ?? {}) as JsonObject,
    seed: shape.seed ?? null,
    batch: shape.batch,
    cache: toCache(shape.cache),
  }
}

function toCache(given: SuiteShape['cache']): Suite['cache'] {
  if (given === false) return null
  return { maxAgeMs: given === true ? CACHE_MS : (parseDurationMs(given.max_age) ?? 0) }
}

export function toScorer(given: z.output<typeof scorerShape>): SuiteScorer {
  if (typeof given === 'string') return { name: given, kind: given, settings: {}, gates: gatesOf({}) }
  const settings = Object.fromEntries(Object.entries(given).filter(([key]) => !OWN_KEYS.has(key)))
  const kind = given.kind ?? given.name ?? ''
  return { name: given.name ?? kind, kind, settings: settings as JsonObject, gates: gatesOf(given) }
}

function gatesOf(given: {
  at_least?: number
  at_most?: number
  not_worse_by?: number
  observed_at_least?: number
  flips_at_most?: Record<string, number>
}): Gates {
  return {
    atLeast: given.at_least ?? null,
    atMost: given.at_most ?? null,
    notWorseBy: given.not_worse_by ?? null,
    observedAtLeast: given.observed_at_least ?? null,
    ...(given.flips_at_most !== undefined && { flipsAtMost: given.flips_at_most }),
  }
}

/** What shape alone does not say. */
export function scorerProblems({ scorers, subject, repeats, batch, cache }: Suite): string[] {
  const names = new Set<string>()
  const problems: string[] = []
  for (const [at, { name }] of scorers.entries()) {
    if (names.has(name)) problems.push(`scorers.${at}: "${name}" stands twice. Give one of them a name.`)
    names.add(name)
  }
  if (subject === 'recorded' && repeats > 1) {
    problems.push(`repeats: recorded outputs are there once. Write 1.`)
  }
  if (subject === 'recorded' && batch) {
    problems.push('batch: recorded outputs are asked of nobody. Leave it out.')
  }
  if (subject === 'recorded' && cache !== null) {
    problems.push('cache: recorded outputs are asked of nobody. Leave it out.')
  }
  return problems
}
