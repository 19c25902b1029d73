/** What health looks at: a real query, the spool, the keys, the config, the work. Loaded by every gateway. */

import type { Audit } from './audit/audit.ts'
import type { OpenedDatabase } from './database.ts'
import type { HealthCheck } from './http/health.ts'
import type { Keyring } from './keys/keyring.ts'
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
