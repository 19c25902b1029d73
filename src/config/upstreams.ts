/** Upstreams from aval.yaml plus the ones that the environment turns on by itself. */

import { Secret } from '../lib/secret.ts'
import type { EnvironmentName } from './environment.ts'
import { type ConfigFile, isHttpUrl } from './schema.ts'
import { readTimeouts, type TimeoutsConfig } from './timeouts.ts'

type RemoteUpstream = {
  name: string
  baseUrl: string
  key: Secret | null
  headers: Readonly<Record<string, string>>
  timeouts: TimeoutsConfig
  maxConnections: number
  /** Whether it is sent the header of that name, once there are traces. */
  traceparent: boolean
}

export type UpstreamConfig =
  | (RemoteUpstream & {
      dialect: 'openai'
      keyHeader: string | null
      query: Readonly<Record<string, string>>
      responses: 'auto' | 'native' | 'translate'
      streamUsage: boolean
    })
  | (RemoteUpstream & { dialect: 'anthropic' | 'gemini' })
  | { name: string; dialect: 'local'; modelsDir: string | null; timeouts: TimeoutsConfig }

const DEFAULT_BASE_URL = {
  openai: 'https://api.openai.com/v1',
  anthropic: 'https://api.anthropic.com',
  gemini: 'https://generativelanguage.googleapis.com',
} as const

const FROM_ENVIRONMENT = [
  { name: 'openai', dialect: 'openai', key: 'OPENAI_API_KEY', url: 'OPENAI_BASE_URL' },
  { name: 'anthropic', dialect: 'anthropic', key: 'ANTHROPIC_API_KEY', url: 'ANTHROPIC_BASE_URL' },
  { name: 'gemini', dialect: 'gemini', key: 'GEMINI_API_KEY', url: 'GEMINI_BASE_URL' },
] as const satisfies readonly {
  name: string
  dialect: keyof typeof DEFAULT_BASE_URL
  key: EnvironmentName
  url: EnvironmentName
}[]

/** First byte: reasoning models think for minutes. Idle: a stream that is silent this long is dead. */
const DEFAULT_TIMEOUTS: TimeoutsConfig = {
  connectMs: 3000,
  firstByteMs: 120_000,
  idleMs: 60_000,
  totalMs: 600_000,
}

/** Declared upstreams first, then those found in the environment under names not taken, then `local`. */
export function resolveUpstreams(
  file: ConfigFile,
  env: (name: EnvironmentName) => string | undefined,
  secret: (ref: string, where: string) => Secret | null,
  resolvePath: (path: string) => string,
  problems: string[],
): UpstreamConfig[] {
  const declared = Object.entries(file.upstreams ?? {}).map(([name, entry]) =>
    fromFile(name, entry, secret, resolvePath),
  )
  const taken = new Set(declared.map(({ name }) => name))
  for (const { name, dialect, key, url } of FROM_ENVIRONMENT) {
    const value = env(key)
    const baseUrl = env(url)
    // An address without a key is how keyless servers are pointed at; it counts for the openai dialect only.
    if (taken.has(name) || (value === undefined && (dialect !== 'openai' || baseUrl === undefined))) continue
    // Without what it says: an address may hold a password.
    if (baseUrl !== undefined && !isHttpUrl(baseUrl)) {
      problems.push(`${url}: not an http:// or https:// URL. Write one such as ${DEFAULT_BASE_URL[dialect]}`)
      continue
    }
    const entry = { dialect, base_url: baseUrl ?? DEFAULT_BASE_URL[dialect] }
    const upstream = fromFile(name, entry, secret, resolvePath)
    if (upstream.dialect === 'local') continue
    declared.push({ ...upstream, key: value === undefined ? null : new Secret(value, `env:${key}`) })
  }
  if (!taken.has('local')) declared.push(fromFile('local', { dialect: 'local' }, secret, resolvePath))
  return declared
}

function fromFile(
  name: string,
  entry: NonNullable<ConfigFile['upstreams']>[string],
  secret: (ref: string, where: string) => Secret | null,
  resolvePath: (path: string) => string,
): UpstreamConfig {
  const timeouts = { ...DEFAULT_TIMEOUTS, ...readTimeouts(entry.timeouts) }
  if (entry.dialect === 'local')
    return {
      name,
      dialect: 'local',
      modelsDir: entry.models_dir === undefined ? null : resolvePath(entry.models_dir),
      timeouts,
    }
  const remote = {
    name,
    baseUrl: (entry.base_url ?? DEFAULT_BASE_URL[entry.dialect]).replace(/\/+$/, ''),
    key: entry.key === undefined ? null : secret(entry.key, `aval.yaml: upstreams.${name}.key`),
    headers: entry.headers ?? {},
    timeouts,
    maxConnections: entry.max_connections ?? 512,
    traceparent: entry.traceparent ?? true,
  }
  if (entry.dialect !== 'openai') return { ...remote, dialect: entry.dialect }
  return {
    ...remote,
    dialect: 'openai',
    keyHeader: entry.key_header?.toLowerCase() ?? null,
    query: entry.query ?? {},
    responses: entry.responses ?? 'auto',
    streamUsage: entry.stream_usage ?? true,
  }
}
