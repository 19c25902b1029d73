/** What an explanation of a change looks like on the wire, wherever one is sent. */

import { z } from '@hono/zod-openapi'
import type { Explanation, Unknown, Window } from '../../monitoring/alerts/alert.ts'

const windowSchema = z.object({
  from: z.string(),
  to: z.string(),
  requests: z.number(),
  level: z
    .number()
    .nullable()
    .openapi({ description: 'The metric over the whole window; null for too little traffic.' }),
})
const unit = z.enum(['micro_usd', 'ms', 'share', 'score', 'tokens', 'a_minute'])

export const explanationSchema = z
  .object({
    began_at: z.string(),
    baseline: z.object({ kind: z.enum(['just_before', 'week_before', 'given']), why: z.string() }),
    before: windowSchema,
    after: windowSchema,
    measure: z.string().nullable().openapi({
      description: 'What the causes are of: for a quantile the mean. Null where there are no parts.',
    }),
    unit: unit.nullable(),
    base: z.number().nullable().openapi({ description: 'Of the measure before, in the unit.' }),
    difference: z
      .number()
      .openapi({ description: 'Of the measure, after less before; the causes add up to it.' }),
    causes: z.array(z.object({ cause: z.string(), amount: z.number() })),
    unknowns: z.array(z.object({ reason: z.string(), requests: z.number(), text: z.string() })),
    changes: z.array(
      z.object({
        kind: z.enum(['release', 'price', 'upstream', 'model', 'index', 'config']),
        at: z.string(),
        target: z.string(),
        text: z.string(),
      }),
    ),
    segments: z.array(z.object({ dimension: z.string(), value: z.string(), amount: z.number() })),
  })
  .openapi('Explanation')

export function toExplanation(explanation: Explanation): z.infer<typeof explanationSchema> {
  const { baseline, measure, unit, base, difference, causes, unknowns, changes, segments } = explanation
  return {
    began_at: timeText(explanation.beganAtMs),
    baseline: { ...baseline },
    before: toWindow(explanation.before),
    after: toWindow(explanation.after),
    measure,
    unit,
    base,
    difference,
    causes: [...causes],
    unknowns: unknowns.map((unknown) => ({ ...unknown, text: TEXTS[unknown.reason](unknown.requests) })),
    changes: changes.map(({ atMs, ...change }) => ({ ...change, at: timeText(atMs) })),
    segments: [...segments],
  }
}

function toWindow({ fromMs, toMs, requests, level }: Window) {
  return { from: timeText(fromMs), to: timeText(toMs), requests, level }
}

function timeText(ms: number): string {
  return new Date(ms).toISOString()
}

const TEXTS: Readonly<Record<Unknown['reason'], (requests: number) => string>> = {
  no_traffic_before: () =>
    'No request of the window before says what this is about, so there is nothing to compare with. Give another moment or a longer window.',
  no_traffic_after: () =>
    'No request of the window after says what this is about. Requests count once they are summed up, which takes a minute or two; or give another moment or a longer window.',
  unpriced: (requests) =>
    `${requests} requests went to an upstream and do not say what they cost: they are in no part. aval price set gives their model a price from then on.`,
  price_figures: (requests) =>
    `${requests} requests were priced by figures that this version does not have: their kinds of tokens are not told apart, nor tokens from price where a model had several.`,
  not_timed: (requests) =>
    `${requests} answers did not stream or told no tokens: where their time went is not known, and they are in no part.`,
  places_left_out: (requests) =>
    `${requests} requests are in more places than are read at once: they are in the difference, and in no segment.`,
  no_parts: () => 'This metric is of nothing that has parts. What was changed nearby stands below.',
}
