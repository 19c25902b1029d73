/** What `aval doctor` shows people: health, with upstreams, and how to mend what is not well. Loaded with what manages a gateway. */

import { type ChecksDeps, lookAtHealth } from './checks.ts'
import { limitsInWords } from './evals/runs/waits-for.ts'
import { readLoads } from './gateway/load/load-rows.ts'
import type { DoctorCheck } from './http/api/operations.ts'
import { labelChecks } from './label-checks.ts'

/** Health, labels, upstreams and their pace. A failing part is a check that says so. */
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
