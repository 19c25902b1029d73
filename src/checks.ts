/** What health and `aval doctor` look at: a real query, the spool, the keys, the config, the upstreams. */

import type { Audit } from './audit/audit.ts'
import type { OpenedDatabase } from './database.ts'
import type { DoctorCheck } from './http/api/operations.ts'
import type { HealthCheck } from './http/health.ts'
import type { Keyring } from './keys/keyring.ts'
import { labelChecks } from './label-checks.ts'
import type { LiveRegistry } from './registry/releases/follow.ts'
import type { Runtime } from './runtime.ts'

const QUERY_TIMEOUT_MS = 2000

export type ChecksDeps = {
  database: OpenedDatabase
  audit: Audit
  keyring: Keyring
  releases: Pick<LiveRegistry, 'problem'>
  runtime: Runtime
}

/** For load balancers. Only what makes serving wrong or impossible is `fail`; a lost database is `degraded`. */
export async function healthChecks(deps: ChecksDeps): Promise<HealthCheck[]> {
  const { spool, ship } = deps.audit.stats()
  const keys = deps.keyring.status()
  const problem = await databaseProblem(deps.database)
  const behind = `${ship.lagRecords} records behind the spool`
  const configProblems = deps.runtime.problems()
  return [
    problem === null
      ? { name: 'database', status: 'ok', detail: behind }
      : { name: 'database', status: 'degraded', detail: `${problem}; serving from memory, ${behind}` },
    spool.state === 'open'
      ? { name: 'audit', status: 'ok', detail: `${spool.spoolBytes} bytes of spool on disk` }
      : {
          name: 'audit',
          status: 'fail',
          detail: `the spool is ${spool.state}: requests are refused with audit_unavailable`,
        },
    keys.source === 'nothing' && keys.declaredKeys === 0
      ? { name: 'keys', status: 'fail', detail: keys.problem ?? 'no key has been loaded yet' }
      : {
          name: 'keys',
          status: keys.problem === null ? 'ok' : 'degraded',
          detail: keys.problem ?? `${keys.storedKeys} stored, ${keys.declaredKeys} declared`,
        },
    deps.releases.problem === null
      ? { name: 'releases', status: 'ok', detail: 'current' }
      : { name: 'releases', status: 'degraded', detail: `the last good ones: ${deps.releases.problem}` },
    configProblems.length === 0
      ? { name: 'config', status: 'ok', detail: 'in force' }
      : {
          name: 'config',
          status: 'degraded',
          detail: `the last good file is in force: ${configProblems[0]}`,
        },
  ]
}

/** For people: the same, with upstreams, and how to mend what is not well. */
export async function doctorChecks(deps: ChecksDeps): Promise<DoctorCheck[]> {
  const remedies: Readonly<Record<string, string>> = {
    database:
      'Start the database, or correct DATABASE_URL; nothing is lost meanwhile while the disk has room.',
    audit: 'Make room on the disk that holds AVAL_HOME, or raise audit.max_spool in aval.yaml.',
    keys: 'Start the database, or declare keys under keys: in aval.yaml.',
    releases: 'Start the database; what was loaded last is served meanwhile.',
    config: 'Correct aval.yaml (aval check shows every mistake), then aval reload.',
  }
  const health = (await healthChecks(deps)).map(({ name, status, detail }): DoctorCheck => {
    const level = status === 'ok' ? 'ok' : status === 'degraded' ? 'warning' : 'problem'
    return { name, status: level, detail, remedy: status === 'ok' ? null : (remedies[name] ?? null) }
  })
  const listings = await deps.runtime.catalogue.refresh()
  const upstreams = listings.map(({ upstream, models, problem }): DoctorCheck => {
    if (problem === null) {
      return { name: `upstream ${upstream}`, status: 'ok', detail: `${models.length} models`, remedy: null }
    }
    const remedy = `Check upstreams.${upstream} in aval.yaml (address, key, network).`
    return { name: `upstream ${upstream}`, status: 'warning', detail: problem, remedy }
  })
  return [...health, ...(await labelChecks(deps.database.connection.db)), ...upstreams]
}

async function databaseProblem({ connection }: OpenedDatabase): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${QUERY_TIMEOUT_MS} ms`), QUERY_TIMEOUT_MS)
  })
  const asked = connection.sql`SELECT 1`.then(
    () => null,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )
  try {
    return await Promise.race([asked, late])
  } finally {
    clearTimeout(timer)
  }
}
