/** Promotion policies: their shape in aval.yaml and in `policies/*.yaml`, and which label of a route has which. */

import { z } from 'zod'
import { parseUsd } from '../lib/money.ts'
import { alertRules, resolveAlertRule } from './alert-rules.ts'
import { DAY_MS, name, span } from './policy-values.ts'

/** Each bound grows with how many are watched. */
const MAX_WATCHED = 20
/** Of a canary's stage without a word on it. */
const HOLD_MS = 30 * 60_000
const MAX_WAIT_MS = 7 * DAY_MS
const share = z.number().min(0).max(1)
const positiveShare = z.number().gt(0).max(1)
const ZONE = 'a time zone such as Europe/Berlin or UTC'
const MOMENT = 'a moment such as 2026-12-20T18:00:00Z'
const TIME = 'a time of day such as "16:00", at most "24:00"'
const PERCENT = 'a share above 0 % and below 100 % such as 1% or 0.5%'
const SAMPLED = 'a share above 0 % such as 20% or 100%'
const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const

/** In hundredths of a per cent, from 1 to `most`, which the sentence names as `expected`. */
function percentUpTo(most: number, expected: string) {
  return z.string(expected).transform((text, context) => {
    const [, digits] = /^(\d{1,3}(?:\.\d{1,2})?) ?%$/.exec(text.trim()) ?? []
    const weight = Math.round(Number(digits) * 100)
    if (weight >= 1 && weight <= most) return weight
    context.addIssue({ code: 'custom', message: expected })
    return z.NEVER
  })
}
const percent = percentUpTo(9999, PERCENT)
const sampled = percentUpTo(10_000, SAMPLED)
const minutes = z.string(TIME).transform((text, context) => {
  const [, hours, rest] = /^([01]\d|2[0-4]):([0-5]\d)$/.exec(text) ?? []
  const minute = Number(hours) * 60 + Number(rest)
  if (minute <= 1440) return minute
  context.addIssue({ code: 'custom', message: TIME })
  return z.NEVER
})
const zone = z.string(ZONE).refine(isTimeZone, ZONE)
const moment = z.iso.datetime({ offset: true, error: MOMENT }).transform((text) => Date.parse(text))

const dollars = z
  .union([z.number().min(0), z.string()])
  .refine((value) => parseUsd(String(value)) !== null, 'an amount such as 2.50')

const rule = z
  .strictObject({
    scorer: z.string().min(1).max(60),
    suite: name.optional(),
    /** Items whose metadata has these values. */
    slice: z.record(z.string().min(1).max(100), z.union([z.string(), z.number(), z.boolean()])).optional(),
    at_least: z.number().optional(),
    at_most: z.number().optional(),
    not_worse_by: z.number().positive().optional(),
    flips_at_most: z.record(z.string().min(1).max(60), share).optional(),
  })
  .refine(
    (given) => ['at_least', 'at_most', 'not_worse_by', 'flips_at_most'].some((key) => key in given),
    'an object with one of at_least, at_most, not_worse_by and flips_at_most',
  )

const dates = z
  .strictObject({ from: moment, to: moment, reason: z.string().min(1).max(200) })
  .refine(({ from, to }) => from < to, 'an object whose from is before its to')
const hours = z
  .strictObject({
    days: z.array(z.enum(WEEKDAYS)).min(1).max(7),
    /** Of each of these days; from the start of it to its end unless said otherwise. */
    from: minutes.optional(),
    to: minutes.optional(),
    zone,
    reason: z.string().min(1).max(200),
  })
  .refine(
    ({ from = 0, to = 1440 }) => from < to,
    'an object whose from is before its to; a window past midnight is two',
  )

const ratio = z.strictObject({ quantile: z.number().gt(0).lt(1).optional(), ratio: z.number().positive() })
const canary = z
  .strictObject({
    stages: z.array(percent).min(1).max(10),
    /** Of each stage: it lasts at least this long. */
    hold: span.optional(),
    requests_min: z.int().min(1).max(10_000_000).optional(),
    /** Of each stage: without a decision until then it is rolled back. */
    max_wait: span.optional(),
    alpha: z.number().gt(0).max(0.5).optional(),
    advance: z.enum(['unharmed', 'proven']).optional(),
    /** Of the live answers of both releases that scorers of `quality` judge, and what judges may cost. */
    sample: sampled.optional(),
    budget_usd: dollars.optional(),
    margins: z
      .strictObject({
        errors: positiveShare.optional(),
        refusals: positiveShare.optional(),
        latency: ratio.optional(),
        ttft: ratio.optional(),
        cost: z.strictObject({ ratio: z.number().positive() }).optional(),
        quality: z
          .record(z.string().min(1).max(60), positiveShare)
          .refine((given) => Object.keys(given).length <= MAX_WATCHED, 'an object with at most 20 scorers')
          .optional(),
      })
      .optional(),
  })
  .refine(
    ({ stages }) => stages.every((weight, at) => at === 0 || weight > (stages[at - 1] ?? 0)),
    'an object whose stages grow',
  )
  .refine(
    ({ hold = HOLD_MS, max_wait: wait = MAX_WAIT_MS }) => wait > hold,
    'an object whose max_wait is longer than its hold',
  )

export const policyShape = z.strictObject({
  description: z.string().max(2000).optional(),
  suites: z.array(name).max(20).optional(),
  require: z.array(rule).max(100).optional(),
  /** Of each one-sided decision. */
  alpha: z.number().gt(0).max(0.5).optional(),
  /** `each`: every rule at alpha. `holm`: every rule's adjusted p at alpha. */
  multiple: z.enum(['each', 'holm']).optional(),
  evidence: z
    .strictObject({
      items_min: z.int().min(1).max(1_000_000).optional(),
      fresh: span.optional(),
      coverage: share.optional(),
    })
    .optional(),
  card: z.enum(['complete']).optional(),
  approvals: z
    .strictObject({
      count: z.int().min(0).max(10),
      roles: z
        .array(z.enum(['admin', 'engineer', 'approver']))
        .min(1)
        .max(3)
        .optional(),
      expire: span.optional(),
    })
    .optional(),
  freeze: z
    .array(z.union([dates, hours]))
    .max(50)
    .optional(),
  canary: canary.optional(),
  on_alert: alertRules.optional(),
})

/** Policies by name, as a file of its own holds one. */
export const policiesShape = z.record(name, policyShape)
export const labelsShape = z.record(name, z.strictObject({ policy: name }))

type PolicyFile = z.infer<typeof policyShape>
export type PolicyConfig = ReturnType<typeof resolvePolicy>

const EXPIRE_MS = 7 * DAY_MS
/** Hundredths of a per cent. */
const DEFAULT_SAMPLE = 2000
/** Of a canary whose errors nobody gave a margin: they are watched all the same. */
const DEFAULT_ERRORS = 0.02
/** A policy that names suites takes evidence for this long unless it says otherwise. */
const FRESH_MS = 30 * DAY_MS

/** Everything that a policy leaves open, filled in. */
export function resolvePolicy(policyName: string, file: PolicyFile) {
  return {
    name: policyName,
    description: file.description ?? null,
    suites: file.suites ?? [],
    rules: (file.require ?? []).map((one) => ({
      suite: one.suite ?? null,
      scorer: one.scorer,
      slice: one.slice ?? null,
      atLeast: one.at_least ?? null,
      atMost: one.at_most ?? null,
      notWorseBy: one.not_worse_by ?? null,
      flipsAtMost: one.flips_at_most ?? {},
    })),
    alpha: file.alpha ?? 0.05,
    multiple: file.multiple ?? 'each',
    evidence: {
      itemsMin: file.evidence?.items_min ?? 1,
      freshMs: file.evidence?.fresh ?? FRESH_MS,
      coverage: file.evidence?.coverage ?? 0.98,
    },
    completeCard: file.card === 'complete',
    approvals: {
      count: file.approvals?.count ?? 0,
      roles: file.approvals?.roles ?? (['approver'] as const),
      expireMs: file.approvals?.expire ?? EXPIRE_MS,
    },
    freeze: (file.freeze ?? []).map((one) =>
      'days' in one
        ? { days: one.days, from: one.from ?? 0, to: one.to ?? 1440, zone: one.zone, reason: one.reason }
        : { fromMs: one.from, toMs: one.to, reason: one.reason },
    ),
    canary: file.canary === undefined ? null : resolveCanary(file.canary),
    onAlert: (file.on_alert ?? []).map(resolveAlertRule),
  } as const
}

function resolveCanary(file: z.infer<typeof canary>) {
  const { errors = DEFAULT_ERRORS, refusals, latency, ttft, cost, quality } = file.margins ?? {}
  return {
    stages: file.stages,
    holdMs: file.hold ?? HOLD_MS,
    requestsMin: file.requests_min ?? 100,
    maxWaitMs: file.max_wait ?? MAX_WAIT_MS,
    alpha: file.alpha ?? 0.05,
    advance: file.advance ?? 'unharmed',
    sample: (file.sample ?? DEFAULT_SAMPLE) / 10_000,
    budget: file.budget_usd === undefined ? null : String(parseUsd(String(file.budget_usd))),
    margins: {
      errors,
      ...(refusals !== undefined && { refusals }),
      ...(latency !== undefined && { latency: { quantile: latency.quantile ?? 0.95, ratio: latency.ratio } }),
      ...(ttft !== undefined && { ttft: { quantile: ttft.quantile ?? 0.95, ratio: ttft.ratio } }),
      ...(cost !== undefined && { cost }),
      ...(quality !== undefined && { quality }),
    },
  } as const
}

function isTimeZone(text: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text })
    return true
  } catch {
    return false
  }
}
