/** `alerts:` of aval.yaml: channels, and which alerts are told to them. Its shape, and what it leaves open filled in. */

import { z } from 'zod'
import { percentDecoded } from '../lib/percent.ts'
import { Secret } from '../lib/secret.ts'
import { webhookKey } from '../lib/webhook-signature.ts'
import { readRules } from './alert-files.ts'
import { channelName, MAX_RULES, namedRuleShape } from './rules-of-alerts.ts'

const MAX_CHANNELS = 50
const SECRET_REF = 'env:NAME or file:/path (never the secret itself)'
const secretRef = z.string(SECRET_REF).regex(/^(env:[A-Z][A-Z0-9_]*|file:.+)$/, SECRET_REF)
const URL_OR_REF =
  'an http:// or https:// URL without a password, or env:NAME or file:/path where the address is a secret'
const urlOrRef = z.string(URL_OR_REF).refine((text) => isReference(text) || isPlainUrl(text), URL_OR_REF)
const ADDRESS = 'a mail address such as ops@example.org'
const address = z.string(ADDRESS).regex(/^[^\s@<>,;:"]{1,64}@[A-Za-z0-9.-]{1,190}$/, ADDRESS)

const channel = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('webhook'), url: urlOrRef, secret: secretRef }),
  z.strictObject({ kind: z.literal('slack'), url: secretRef }),
  z.strictObject({
    kind: z.literal('email'),
    smtp: secretRef,
    from: address,
    to: z.union([address, z.array(address).min(1).max(20)]),
  }),
])

export const alertsShape = z.strictObject({
  channels: z
    .record(channelName, channel)
    .refine(
      (given) => Object.keys(given).length <= MAX_CHANNELS,
      `an object with at most ${MAX_CHANNELS} channels`,
    )
    .optional(),
  rules: z.array(namedRuleShape).max(MAX_RULES).optional(),
})

type AlertsFile = z.infer<typeof alertsShape>
export type ChannelConfig = { name: string } & (
  | { kind: 'webhook'; url: Secret; secret: Secret }
  | { kind: 'slack'; url: Secret }
  | { kind: 'email'; smtp: Secret; from: string; to: readonly string[] }
)
export type AlertsConfig = ReturnType<typeof resolveAlerts>

/** `directory`: where aval.yaml is, with `alerts/` beside it. Adds a sentence to `problems` for every secret that is none and every name that leads nowhere. */
export function resolveAlerts(
  file: AlertsFile | undefined,
  directory: string,
  secret: (ref: string, where: string) => Secret | null,
  problems: string[],
) {
  const given = Object.entries(file?.channels ?? {})
  const channels = given.flatMap(([name, one]): ChannelConfig[] => {
    const where = `aval.yaml: alerts.channels.${name}`
    return resolveChannel(
      name,
      one,
      (ref, key) => secret(ref, `${where}.${key}`),
      (key, what) => problems.push(`${where}.${key}: ${what}`),
    )
  })
  const known = given.map(([name]) => name)
  return { channels, rules: readRules(file?.rules ?? [], directory, known, problems) }
}

type ChannelFile = z.infer<typeof channel>

function resolveChannel(
  name: string,
  file: ChannelFile,
  secret: (ref: string, key: string) => Secret | null,
  mistake: (key: string, what: string) => void,
): ChannelConfig[] {
  if (file.kind === 'email') {
    const smtp = secret(file.smtp, 'smtp')
    if (smtp === null) return []
    const problem = smtpProblem(smtp.reveal())
    if (problem !== null) mistake('smtp', `${smtp.source} ${problem}`)
    return [{ name, kind: 'email', smtp, from: file.from, to: [file.to].flat() }]
  }
  const url = isReference(file.url) ? secret(file.url, 'url') : new Secret(file.url, 'aval.yaml')
  if (url !== null && !isPlainUrl(url.reveal()))
    mistake('url', `${url.source} holds no http:// or https:// URL.`)
  if (file.kind === 'slack') return url === null ? [] : [{ name, kind: 'slack', url }]
  const key = secret(file.secret, 'secret')
  if (key !== null && webhookKey(key.reveal()) === null) {
    mistake(
      'secret',
      `${key.source} is not whsec_ and base64 of 24 to 64 bytes. Make one: echo whsec_$(openssl rand -base64 32)`,
    )
  }
  return url === null || key === null ? [] : [{ name, kind: 'webhook', url, secret: key }]
}

function isReference(text: string): boolean {
  return /^(env:[A-Z][A-Z0-9_]*|file:.+)$/.test(text)
}

function isPlainUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password } = new URL(text)
  return /^https?:$/.test(protocol) && username === '' && password === ''
}

/** What is wrong with the address of a mail server, behind where it stands; null for nothing. */
function smtpProblem(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !/^smtps?:$/.test(url.protocol) || url.hostname === '')
    return 'is no mail server. Write smtps://user:password@host:465, or smtp:// for STARTTLS.'
  if (percentDecoded(url.username) === null || percentDecoded(url.password) === null)
    return 'has a bare "%" before the "@": percent-encode the password (% is %25, @ is %40, / is %2F).'
  return null
}
