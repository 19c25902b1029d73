/**
 * aval.yaml + environment -> one frozen Config. The only reader of process.env; everything else gets values.
 * Secrets are resolved here into `Secret`, which prints as ***.
 */

import { existsSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type AlertsConfig, resolveAlerts } from './config/alerts.ts'
import { type AuditConfig, readableKey, resolveAudit } from './config/audit.ts'
import type { Environment, EnvironmentName } from './config/environment.ts'
import { type MonitoringConfig, resolveMonitoring } from './config/monitoring.ts'
import type { PolicyConfig } from './config/policies.ts'
import { readPolicies } from './config/policy-files.ts'
import { type RetentionConfig, resolveRetention } from './config/retention.ts'
import { type DeclaredRetrieval, declaredRetrieval, retrievalFile } from './config/retrieval.ts'
import { checkRoutes, type RouteConfig, resolveRoutes } from './config/routes.ts'
import { type ConfigFile, configFile } from './config/schema.ts'
import { type ListenAddress, type OtlpConfig, resolveOtlp } from './config/telemetry.ts'
import { resolveUpstreams, type UpstreamConfig } from './config/upstreams.ts'
import { readYaml } from './config/yaml-file.ts'
import { ConfigError } from './errors.ts'
import { describeIssues } from './lib/schema-problems.ts'
import { Secret } from './lib/secret.ts'

type DeclaredKeyConfig = {
  name: string
  owner: string | null
  secret: Secret
  roles: readonly ('admin' | 'engineer' | 'approver' | 'auditor' | 'app')[]
  project: string | null
  routes: readonly string[] | null
  expiresAtMs: number | null
  rpm: number | null
  concurrency: number | null
}

export type Config = {
  home: string
  /** Null when there is no file and everything comes from defaults and the environment. */
  configPath: string | null
  server: {
    host: string
    port: number
    maxBodyBytes: number
    drainMs: number
    corsOrigins: readonly string[]
    /** Where metrics are read without a key; null: nowhere. */
    metrics: ListenAddress | null
  }
  worker: { metrics: ListenAddress | null }
  /** The collector; null: none. */
  otlp: OtlpConfig | null
  database: { url: Secret | null }
  redis: { url: Secret | null }
  upstreams: readonly UpstreamConfig[]
  ollama: { url: string; explicit: boolean }
  /** Sources and indexes as the file declares them; the registry has what became of them. */
  retrieval: DeclaredRetrieval
  documents: { privateHosts: readonly string[] }
  routes: readonly RouteConfig[]
  /** Of aval.yaml and of `policies/` beside it. */
  policies: readonly PolicyConfig[]
  /** Whom alerts are told, and which: of aval.yaml and of `alerts/` beside it. */
  alerts: AlertsConfig
  keys: readonly DeclaredKeyConfig[]
  limits: { app: { rpm: number | null; concurrency: number | null } }
  models: { folder: string | null; hub: boolean }
  audit: AuditConfig
  retention: RetentionConfig
  monitoring: MonitoringConfig
  bring: {
    adminKey: Secret | null
    appKey: Secret | null
    pepper: Secret | null
    auditKey: Secret | null
    signingKey: Secret | null
    previousSigningKey: Secret | null
  }
  /** Null when nobody chose: then it depends on who reads, a person or a log. */
  log: { level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent' | null }
}

const MIN_SECRET_LENGTH = 32
/** Enough for 20 pictures as data URIs; OpenAI's own limit for a request is 50 MB. */
const DEFAULT_MAX_BODY_BYTES = 32 * 1024 ** 2

/** The environment of this process. Pass it to `loadConfig`; nothing else may look at it. */
export function processEnvironment(): Environment {
  return process.env
}

/**
 * Reads, checks and freezes the configuration. `directory` is where relative paths start.
 * Throws ConfigError with one sentence per problem; never a partial result.
 */
export function loadConfig(environment: Environment, directory: string): Config {
  const problems: string[] = []
  const env = (name: EnvironmentName) => (environment[name] === '' ? undefined : environment[name])
  const { file, path } = readFile(env('AVAL_CONFIG'), directory, problems)
  const secret = (ref: string, where: string) => resolveSecret(ref, where, environment, directory, problems)
  const given = (ref: string | undefined, where: string) =>
    ref === undefined ? null : secret(ref, `aval.yaml: ${where}`)

  const beside = path === null ? directory : dirname(path)
  const config: Config = {
    home: resolve(directory, env('AVAL_HOME') ?? '.aval'),
    configPath: path,
    server: {
      host: env('HOST') ?? file.server?.host ?? '127.0.0.1',
      port: readPort(env('PORT'), problems) ?? file.server?.port ?? 8700,
      maxBodyBytes: file.server?.max_body ?? DEFAULT_MAX_BODY_BYTES,
      drainMs: file.server?.drain ?? 30_000,
      corsOrigins: file.server?.cors_origins ?? [],
      metrics: file.server?.metrics ?? null,
    },
    worker: { metrics: file.worker?.metrics ?? null },
    otlp: resolveOtlp(environment, problems),
    database: { url: named(env('DATABASE_URL'), 'DATABASE_URL') },
    redis: { url: named(env('REDIS_URL'), 'REDIS_URL') },
    upstreams: resolveUpstreams(file, env, secret, (path) => resolve(directory, path), problems),
    ollama: { url: ollamaUrl(env('OLLAMA_HOST')), explicit: env('OLLAMA_HOST') !== undefined },
    retrieval: declaredRetrieval(file),
    documents: { privateHosts: file.documents?.private_hosts ?? [] },
    routes: resolveRoutes(file),
    policies: readPolicies(file.policies ?? {}, beside, problems),
    alerts: resolveAlerts(file.alerts, beside, secret, problems),
    keys: resolveKeys(file, secret, problems),
    limits: {
      app: { rpm: file.limits?.app?.rpm ?? null, concurrency: file.limits?.app?.concurrency ?? null },
    },
    models: {
      folder: file.models?.dir === undefined ? null : resolve(directory, file.models.dir),
      hub: file.models?.hub ?? false,
    },
    audit: resolveAudit(file),
    retention: resolveRetention(file, problems),
    monitoring: resolveMonitoring(file.monitoring, problems),
    bring: {
      adminKey: longEnough(named(env('AVAL_ADMIN_KEY'), 'AVAL_ADMIN_KEY'), problems),
      appKey: longEnough(named(env('AVAL_APP_KEY'), 'AVAL_APP_KEY'), problems),
      pepper: longEnough(readPepper(env, secret), problems),
      auditKey: longEnough(
        given(file.audit?.key, 'audit.key') ?? named(env('AVAL_AUDIT_KEY'), 'AVAL_AUDIT_KEY'),
        problems,
      ),
      signingKey: readableKey(
        given(file.audit?.signing_key, 'audit.signing_key') ??
          named(env('AVAL_SIGNING_KEY'), 'AVAL_SIGNING_KEY'),
        problems,
      ),
      previousSigningKey: readableKey(
        given(file.audit?.previous_signing_key, 'audit.previous_signing_key'),
        problems,
      ),
    },
    log: { level: readLogLevel(env('LOG_LEVEL'), problems) },
  }
  checkRoutes(config, problems)
  if (problems.length > 0) throw new ConfigError(problems)
  return deepFreeze(config)
}

/** What the command line needs to find a server; a broken aval.yaml must not keep it from asking one. */
export function clientEnvironment(
  environment: Environment,
  directory: string,
): { home: string; url: string | null; key: Secret | null } {
  const env = (name: EnvironmentName) => (environment[name] === '' ? undefined : environment[name])
  return {
    home: resolve(directory, env('AVAL_HOME') ?? '.aval'),
    url: env('AVAL_URL') ?? null,
    key: named(env('AVAL_KEY'), 'AVAL_KEY'),
  }
}

/** Sources and indexes of the file, whatever else in it is wrong here. Throws ConfigError for mistakes in them. */
export function loadRetrieval(environment: Environment, directory: string): DeclaredRetrieval {
  const given = environment.AVAL_CONFIG
  const path = resolve(directory, given === undefined || given === '' ? 'aval.yaml' : given)
  if (!existsSync(path)) return declaredRetrieval({})
  const read = readYaml(path)
  if ('problems' in read) throw new ConfigError(read.problems)
  const parsed = retrievalFile.safeParse(read.value)
  if (parsed.success) return declaredRetrieval(parsed.data)
  throw new ConfigError(describeIssues(path, retrievalFile, read.value, parsed.error))
}

/** Mistakes in the file itself, for a machine that has none of its secrets, as one that checks changes. */
export function configFileProblems(environment: Environment, directory: string): readonly string[] {
  const problems: string[] = []
  const given = environment.AVAL_CONFIG
  readFile(given === '' ? undefined : given, directory, problems)
  return problems
}

function readFile(given: string | undefined, directory: string, problems: string[]) {
  const path = resolve(directory, given ?? 'aval.yaml')
  const empty: ConfigFile = {}
  if (!existsSync(path)) {
    if (given !== undefined)
      problems.push(`AVAL_CONFIG names ${path}, which does not exist. Create it or unset the name.`)
    return { file: empty, path: null }
  }
  const read = readYaml(path)
  if ('problems' in read) {
    problems.push(...read.problems)
    return { file: empty, path }
  }
  const parsed = configFile.safeParse(read.value)
  if (parsed.success) return { file: parsed.data, path }
  problems.push(...describeIssues(path, configFile, read.value, parsed.error))
  return { file: empty, path }
}

function resolveSecret(
  ref: string,
  where: string,
  environment: Environment,
  directory: string,
  problems: string[],
): Secret | null {
  const [kind, rest] = [ref.slice(0, ref.indexOf(':')), ref.slice(ref.indexOf(':') + 1)]
  if (kind === 'env') {
    const value = environment[rest]
    if (value !== undefined && value !== '') return new Secret(value, ref)
    problems.push(`${where}: the environment has no ${rest}. Set it, or remove the entry.`)
    return null
  }
  try {
    const value = readFileSync(resolve(directory, rest), 'utf8').trim()
    if (value !== '') return new Secret(value, ref)
    problems.push(`${where}: the file ${rest} is empty. Put the secret into it.`)
  } catch (error) {
    problems.push(
      `${where}: the file ${rest} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'}).`,
    )
  }
  return null
}

function resolveKeys(
  file: ConfigFile,
  secret: (ref: string, where: string) => Secret | null,
  problems: string[],
): DeclaredKeyConfig[] {
  return (file.keys ?? []).flatMap((key, index) => {
    const found = longEnough(secret(key.secret, `aval.yaml: keys.${index}.secret`), problems)
    if (found === null) return []
    return {
      name: key.name,
      owner: key.owner ?? null,
      secret: found,
      roles: key.roles,
      project: key.project ?? null,
      routes: key.routes ?? null,
      expiresAtMs: key.expires === undefined ? null : Date.parse(key.expires),
      rpm: key.rpm ?? null,
      concurrency: key.concurrency ?? null,
    }
  })
}

function readPepper(
  env: (name: EnvironmentName) => string | undefined,
  secret: (ref: string, where: string) => Secret | null,
): Secret | null {
  const path = env('AVAL_PEPPER_FILE')
  if (path !== undefined) return secret(`file:${path}`, 'AVAL_PEPPER_FILE')
  return named(env('AVAL_PEPPER'), 'AVAL_PEPPER')
}

function named(value: string | undefined, name: string): Secret | null {
  return value === undefined ? null : new Secret(value, `env:${name}`)
}

function longEnough(secret: Secret | null, problems: string[]): Secret | null {
  if (secret === null || secret.reveal().length >= MIN_SECRET_LENGTH) return secret
  problems.push(
    `${secret.source}: the secret has ${secret.reveal().length} characters where at least ${MIN_SECRET_LENGTH} are expected.`,
  )
  return null
}

function readPort(text: string | undefined, problems: string[]): number | undefined {
  if (text === undefined) return undefined
  const port = Number(text)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  problems.push(`PORT: text "${text}" where a port number from 0 to 65535 is expected.`)
  return undefined
}

function readLogLevel(text: string | undefined, problems: string[]): Config['log']['level'] {
  if (text === undefined) return null
  if (/^(trace|debug|info|warn|error|silent)$/.test(text)) return text as Config['log']['level']
  problems.push(`LOG_LEVEL: text "${text}" where one of trace, debug, info, warn, error, silent is expected.`)
  return null
}

function ollamaUrl(host: string | undefined): string {
  if (host === undefined) return 'http://127.0.0.1:11434'
  return /^https?:\/\//.test(host) ? host.replace(/\/+$/, '') : `http://${host.replace(/\/+$/, '')}`
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !(value instanceof Secret) && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const child of Object.values(value)) deepFreeze(child)
  }
  return value
}
