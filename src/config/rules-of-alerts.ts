/** Rules of alerts: their shape in aval.yaml and in `alerts/*.yaml`, and what they leave open filled in. Pure. */

import { z } from 'zod'
import { nearest } from '../lib/nearest.ts'
import { parseDurationMs } from '../lib/units.ts'
import { type BarConfig, hasBar, resolveBar } from './bars.ts'

export const MAX_RULES = 200
const MAX_TOLD = 50
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** Windows of bars are made of the pieces of time in which traffic is read. */
const OVER_STEP_MS = 5 * MINUTE_MS
const CHANNEL = 'a name of lower-case letters, digits, ".", "_" and "-", at most 63 long'
export const channelName = z.string(CHANNEL).regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, CHANNEL)
const NAME = 'a name of lower-case letters, digits and inner hyphens, at most 63 long'
const RULE_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const OVER = 'a duration in steps of 5m, from 5m to 1h'

const pattern = z.string().min(1).max(200)
const names = z.union([pattern, z.array(pattern).min(1).max(100)])
const limit = z.union([z.number(), z.string().min(1).max(40)])

/** From `leastMs` to `mostMs` in steps, which the sentence names. */
function span(leastMs: number, mostMs: number, expected: string, stepMs = 1) {
  return z.string(expected).transform((text, context) => {
    const ms = parseDurationMs(text)
    if (ms !== null && ms >= leastMs && ms <= mostMs && ms % stepMs === 0) return ms
    context.addIssue({ code: 'custom', message: expected })
    return z.NEVER
  })
}

/** Of a file of its own, whose name is the rule's. */
export const ruleShape = z.strictObject({
  projects: names.optional(),
  routes: names.optional(),
  upstreams: names.optional(),
  metrics: names.optional(),
  /** A bar of its own, in the metric's unit. */
  above: limit.optional(),
  below: limit.optional(),
  /** How much traffic is held against the bar at a time. */
  over: span(OVER_STEP_MS, HOUR_MS, OVER, OVER_STEP_MS).optional(),
  /** Only when it lasts so long. */
  for: span(1000, 24 * HOUR_MS, 'a duration such as 10m, at most 24h').optional(),
  /** Told again after so long. */
  remind: span(HOUR_MS, 7 * 24 * HOUR_MS, 'a duration such as 4h, from 1h to 7d').optional(),
  channels: z.union([channelName, z.array(channelName).min(1).max(MAX_TOLD)]).optional(),
})
export const namedRuleShape = ruleShape.extend({ name: z.string(NAME).regex(RULE_NAME, NAME).optional() })

export type RuleFile = z.infer<typeof ruleShape>
/** `place`: where it stands: `alerts.rules.0` of aval.yaml, or `alerts/too-many-errors.yaml` beside it. */
export type RuleConfig = {
  name: string | null
  place: string
  projects: readonly string[] | null
  routes: readonly string[] | null
  upstreams: readonly string[] | null
  metrics: readonly string[] | null
  /** Null for a rule about alerts that others open. */
  bar: BarConfig | null
  /** Told only of an alert that lasts so long; a bar has waited already. */
  forMs: number
  remindMs: number | null
  channels: readonly string[]
}

/** A key of the rule at `place`: `alerts.rules.0.for`, `alerts/too-many-errors.yaml: for`. */
export function keyAt(place: string, key: string): string {
  return place.startsWith('alerts.rules.') ? `${place}.${key}` : `${place}: ${key}`
}

/** `mistake` is told all that is wrong, each a sentence with the key that it is about. `channels`: those that there are. */
export function resolveRule(
  file: RuleFile,
  { name, place }: Pick<RuleConfig, 'name' | 'place'>,
  channels: readonly string[],
  mistake: (key: string, what: string) => void,
): RuleConfig {
  const bar = hasBar(file) ? resolveBar(file, mistake) : null
  if (hasBar(file)) {
    if (name === null)
      mistake('name', 'is missing. A bar needs one, which its alerts bear: name: too-many-errors')
  } else {
    if (file.over !== undefined) mistake('over', 'stands without a bar. Add above or below, or leave it out.')
    if (file.channels === undefined)
      mistake('channels', 'is missing. Name who is told, as channels: [on-call]')
  }
  const told = listed(file.channels) ?? []
  for (const to of told.filter((one) => !channels.includes(one))) {
    mistake('channels', `there is no channel "${to}". ${remedyOf(to, channels)}`)
  }
  return {
    name,
    place,
    projects: listed(file.projects),
    routes: listed(file.routes),
    upstreams: listed(file.upstreams),
    metrics: listed(file.metrics),
    bar,
    forMs: bar === null ? (file.for ?? 0) : 0,
    remindMs: file.remind ?? null,
    channels: told,
  }
}

function remedyOf(name: string, known: readonly string[]): string {
  const meant = nearest(name, known)
  if (meant !== null) return `Did you mean "${meant}"?`
  return known.length === 0 ? 'Add it under alerts.channels.' : `There are: ${known.join(', ')}.`
}

function listed(given: string | readonly string[] | undefined): readonly string[] | null {
  return given === undefined ? null : [given].flat()
}
