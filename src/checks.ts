/** What health and `aval doctor` look at: a real query, the spool, the keys, the config, the upstreams. */

import type { Audit } from './audit/audit.ts'
import type { OpenedDatabase } from './database.ts'
import { limitsInWords } from './evals/runs/waits-for.ts'
import { readLoads } from './gateway/load/load-rows.ts'
import type { DoctorCheck } from './http/api/operations.ts'
import type { HealthCheck } from './http/health.ts'
import type { Keyring } from './keys/keyring.ts'
import { labelChecks } from './label-checks.ts'
import { type NewestSign, readNewestSign } from './monitoring/workers/sign-rows.ts'
import { MAX_COUNTED } from './queue/count-jobs.ts'
import type { LiveRegistry } from './registry/releases/follow.ts'
import type { Runtime } from './runtime.ts'

const QUERY_TIMEOUT_MS = 2000
/** Four times as long as workers are silent between two signs. */
const WORKER_SILENT_SECONDS = 60

export type ChecksDeps = {
  database: OpenedDatabase
  audit: Audit
  keyring: Keyring
  releases: Pick<LiveRegistry, 'problem'>
  runtime: Runtime
  /** Targets that are not called for now. */
  openCircuits: () => readonly string[]
  /** `askDatabase`, at most once in a while: whoever asks for health has no key, and everything else is in memory. */
  ask: () => Promise<Asked>
}

/** How the parts stand, and the newest worker's sign, from one look. */
export type Look = { checks: readonly HealthCheck[]; sign: NewestSign | null }

/** For load balancers. Only what makes serving wrong or impossible is `unavailable`; a lost database is `degraded`. */
export async function lookAtHealth(deps: ChecksDeps): Promise<Look> {
  const asked = await deps.ask()
  const sign = 'problem' in asked ? null : asked.sign
  return { sign, checks: [...servingChecks(deps, asked), ...workChecks(asked), modelsCheck(deps)] }
}

function servingChecks(deps: ChecksDeps, asked: Asked): HealthCheck[] {
  const { spool, ship } = deps.audit.stats()
  const keys = deps.keyring.status()
  const problem = 'problem' in asked ? asked.problem : null
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
          status: 'unavailable',
          detail: `the spool is ${spool.state}: requests are refused with audit_unavailable`,
        },
    keys.source === 'nothing' && keys.declaredKeys === 0
      ? { name: 'keys', status: 'unavailable', detail: keys.problem ?? 'no key has been loaded yet' }
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

/** The work beside the requests waits; the requests do not. Without a database nobody can tell, and that is said there. */
function workChecks(asked: Asked): HealthCheck[] {
  if ('problem' in asked) return []
  const { sign } = asked
  // A gateway may stand without a worker, or be up before its first one.
  if (sign === null) {
    const detail =
      'none lives: none was started, or the last one was stopped; runs, builds and exports wait for one'
    return [{ name: 'worker', status: 'ok', detail }]
  }
  const count = (state: string) =>
    sign.queue.filter((one) => one.state === state).reduce((sum, { jobs }) => sum + jobs, 0)
  const waiting = count('waiting')
  const seconds = Math.round(sign.ageSeconds)
  return [
    seconds <= WORKER_SILENT_SECONDS
      ? { name: 'worker', status: 'ok', detail: `last sign of life ${seconds} s ago` }
      : { name: 'worker', status: 'degraded', detail: `no sign of life for ${seconds} s` },
    {
      name: 'queue',
      status: waiting < MAX_COUNTED ? 'ok' : 'degraded',
      detail: `${waiting}${waiting < MAX_COUNTED ? '' : ' or more'} jobs wait, ${count('failed')} failed within a week`,
    },
  ]
}

function modelsCheck({ openCircuits }: ChecksDeps): HealthCheck {
  const open = openCircuits()
  if (open.length === 0) return { name: 'models', status: 'ok', detail: 'none is kept from being called' }
  // A model's name in a direct call is the caller's text; whoever asks for health has no key.
  const upstreams = [...new Set(open.map((target) => target.split('/')[0]))].join(', ')
  const detail = `${open.length} models of ${upstreams} failed repeatedly and are not called for now`
  return { name: 'models', status: 'degraded', detail }
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
    worker: 'Start a worker: aval work, with the DATABASE_URL of this gateway.',
    queue: 'Start more workers (aval work); the log says which jobs fail (job_failed).',
    models: 'Look at its newest failures: aval requests list --outcome upstream_error.',
  }
  const { checks, sign } = await lookAtHealth(deps)
  const health = checks.map(({ name, status, detail }): DoctorCheck => {
    const isWanting = name === 'worker' && sign === null
    const level = status === 'unavailable' ? 'problem' : status === 'degraded' || isWanting ? 'warning' : 'ok'
    return { name, status: level, detail, remedy: level === 'ok' ? null : (remedies[name] ?? null) }
  })
  const listings = await deps.runtime.catalogue.refresh()
  const upstreams = listings.map(({ upstream, models, problem }): DoctorCheck => {
    if (problem === null) {
      return { name: `upstream ${upstream}`, status: 'ok', detail: `${models.length} models`, remedy: null }
    }
    const remedy = `Check upstreams.${upstream} in aval.yaml (address, key, network).`
    return { name: `upstream ${upstream}`, status: 'warning', detail: problem, remedy }
  })
  return [
    ...health,
    ...(await labelChecks(deps.database.connection.db)),
    ...upstreams,
    ...(await paces(deps)),
  ]
}

/** What upstreams bear, while runs ask them. A database that does not answer is said elsewhere. */
async function paces({ database }: ChecksDeps): Promise<DoctorCheck[]> {
  const rows = await readLoads(database.connection.sql).catch(() => [])
  return [...limitsInWords(rows)].map(([upstream, detail]) => ({
    name: `pace ${upstream}`,
    status: 'ok',
    detail,
    remedy: null,
  }))
}

export type Asked = { problem: string } | { sign: NewestSign | null }

/** A real query within a time, which learns of the workers at once. */
export async function askDatabase({ connection }: OpenedDatabase): Promise<Asked> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Asked>((resolve) => {
    timer = setTimeout(
      () => resolve({ problem: `no answer within ${QUERY_TIMEOUT_MS} ms` }),
      QUERY_TIMEOUT_MS,
    )
  })
  const asked = readNewestSign(connection.sql).then(
    (sign): Asked => ({ sign }),
    (error: unknown): Asked => ({ problem: error instanceof Error ? error.message : String(error) }),
  )
  try {
    return await Promise.race([asked, late])
  } finally {
    clearTimeout(timer)
  }
}
