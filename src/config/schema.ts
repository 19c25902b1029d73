/** The shape of aval.yaml. Every object is strict: an unknown key is a mistake, never ignored. */

import { z } from 'zod'
import { OWNER_NAME, OWNER_RULE } from '../lib/owner-name.ts'
import { parseDurationMs, parseSizeBytes } from '../lib/units.ts'
import { alertsShape } from './alerts.ts'
import { monitoringShape } from './monitoring.ts'
import { labelsShape, policiesShape } from './policies.ts'
import { redaction } from './redaction.ts'
import { retrievalShape } from './retrieval.ts'
import { listenAddress } from './telemetry.ts'

export const RETENTION_PROFILES = ['default', 'ai-act', 'hipaa', 'pci'] as const

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/

const name = z.string().regex(NAME, 'a name of lower-case letters, digits, ".", "_" and "-", at most 63 long')

/** A duration of at most `maxMs`, which the sentence names as `most`. */
function durationUpTo(maxMs: number, most: string) {
  const expected = `a duration such as 250ms, 30s or 5m, at most ${most}`
  return z.string(expected).transform((text, context) => {
    const ms = parseDurationMs(text)
    if (ms === null || ms < 1 || ms > maxMs) {
      context.addIssue({ code: 'custom', message: expected })
      return z.NEVER
    }
    return ms
  })
}

const duration = durationUpTo(86_400_000, '24h')
const keeping = durationUpTo(90 * 86_400_000, '90d')

const DAY_MS = 86_400_000
/** A century: more is a slip of the hand. */
const MAX_DAYS = 36_525
const WHOLE_DAYS = 'whole days such as 30d'
const wholeDays = z.string(WHOLE_DAYS).transform((text, context) => {
  const ms = parseDurationMs(text)
  if (ms === null || ms < DAY_MS || ms % DAY_MS !== 0 || ms > MAX_DAYS * DAY_MS) {
    context.addIssue({ code: 'custom', message: WHOLE_DAYS })
    return z.NEVER
  }
  return ms
})

const SIZE = 'a size such as 512KiB, 16MiB or 20GB, at least 1KiB'

const size = z.string(SIZE).transform((text, context) => {
  const bytes = parseSizeBytes(text)
  if (bytes === null || bytes < 1024) {
    context.addIssue({ code: 'custom', message: SIZE })
    return z.NEVER
  }
  return bytes
})

/** Where a secret is, never the secret itself. */
const SECRET_REF = 'env:NAME or file:/path (never the secret itself)'
const secretRef = z.string(SECRET_REF).regex(/^(env:[A-Z][A-Z0-9_]*|file:.+)$/, SECRET_REF)

const ORIGIN = 'a host name such as log.example.org, which stays the same for ever'
const originName = z.string(ORIGIN).regex(/^[a-z0-9][a-z0-9./-]{0,199}$/, ORIGIN)

const headerName = z.string().regex(/^[A-Za-z0-9-]+$/, 'a header name of letters, digits and "-"')

const callTimeouts = {
  first_byte: duration.optional(),
  idle: duration.optional(),
  total: duration.optional(),
}
/** Connections belong to the upstream's pool, so only an upstream has a timeout for them. */
const timeouts = z.strictObject({ connect: duration.optional(), ...callTimeouts })
const targetTimeouts = z.strictObject(callTimeouts)

export function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}

const httpUrl = z.string().refine(isHttpUrl, 'an http:// or https:// URL')

const remote = {
  key: secretRef.optional(),
  base_url: httpUrl.optional(),
  timeouts: timeouts.optional(),
  max_connections: z.int().min(1).max(10_000).optional(),
  headers: z.record(headerName, z.string().max(1000)).optional(),
  traceparent: z.boolean().optional(),
}

const upstream = z.discriminatedUnion('dialect', [
  z.strictObject({
    dialect: z.literal('openai'),
    ...remote,
    key_header: headerName.optional(),
    query: z.record(z.string(), z.string()).optional(),
    responses: z.enum(['auto', 'native', 'translate']).optional(),
    stream_usage: z.boolean().optional(),
  }),
  z.strictObject({ dialect: z.literal('anthropic'), ...remote }),
  z.strictObject({ dialect: z.literal('gemini'), ...remote }),
  z.strictObject({
    dialect: z.literal('local'),
    models_dir: z.string().optional(),
    timeouts: timeouts.optional(),
  }),
])

const TARGET = '"upstream/model id", such as openai/gpt-4o-mini,'
const targetName = z.string(TARGET).regex(/^[a-z0-9][a-z0-9._-]*\/.+$/, TARGET)

const target = z.union([
  targetName,
  z.strictObject({
    model: targetName,
    weight: z.number().positive().max(1_000_000).optional(),
    timeouts: targetTimeouts.optional(),
  }),
])

const guarantee = {
  durability: z.enum(['process', 'power', 'replicated']).optional(),
  policy: z.enum(['required', 'best_effort']).optional(),
  deadline: durationUpTo(60_000, '60s').optional(),
}

/** With targets it is served as it stands here; without, its releases are, and the file says what their labels demand. */
const route = z
  .strictObject({
    owner: z.string().max(200).optional(),
    targets: z.array(target).min(1).max(20).optional(),
    retries: z.int().min(0).max(10).optional(),
    audit: z.strictObject(guarantee).optional(),
    labels: labelsShape.optional(),
  })
  .refine(
    ({ targets, labels }) => targets !== undefined || labels !== undefined,
    'an object with targets, or with labels and their policies',
  )

const rates = { rpm: z.int().min(1).optional(), concurrency: z.int().min(1).optional() }

const declaredKey = z.strictObject({
  name,
  owner: z.string(OWNER_RULE).regex(OWNER_NAME, OWNER_RULE).toLowerCase().optional(),
  secret: secretRef,
  roles: z.array(z.enum(['admin', 'engineer', 'approver', 'auditor', 'app'])).min(1),
  project: name.optional(),
  routes: z.array(z.string().min(1)).optional(),
  expires: z.iso.datetime({ offset: true, error: 'a moment such as 2027-01-31T00:00:00Z' }).optional(),
  ...rates,
})

export const configFile = z.strictObject({
  server: z
    .strictObject({
      host: z.string().optional(),
      port: z.int().min(0).max(65_535).optional(),
      max_body: size.optional(),
      drain: duration.optional(),
      cors_origins: z.array(httpUrl).max(100).optional(),
      metrics: listenAddress.optional(),
    })
    .optional(),
  worker: z.strictObject({ metrics: listenAddress.optional() }).optional(),
  upstreams: z.record(name, upstream).optional(),
  ...retrievalShape,
  routes: z.record(name, route).optional(),
  policies: policiesShape.optional(),
  monitoring: monitoringShape.optional(),
  alerts: alertsShape.optional(),
  keys: z.array(declaredKey).max(1000).optional(),
  limits: z.strictObject({ app: z.strictObject(rates).optional() }).optional(),
  models: z.strictObject({ dir: z.string().optional(), hub: z.boolean().optional() }).optional(),
  audit: z
    .strictObject({
      max_spool: size.optional(),
      keep: keeping.optional(),
      key: secretRef.optional(),
      signing_key: secretRef.optional(),
      previous_signing_key: secretRef.optional(),
      origin: originName.optional(),
      seal_bodies: z.boolean().optional(),
      redaction: redaction.optional(),
      ...guarantee,
    })
    .optional(),
  retention: z
    .strictObject({
      profile: z.enum(RETENTION_PROFILES).optional(),
      days: z.int().min(1).max(MAX_DAYS).optional(),
      bodies: wholeDays.optional(),
    })
    .optional(),
})

export type ConfigFile = z.infer<typeof configFile>
