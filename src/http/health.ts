/** Health for load balancers and people: a real query, the spool's state, and what is degraded, in words. */

import { Hono } from 'hono'

export type HealthCheck = {
  name: string
  /** `unavailable` takes the process out of the load balancer; `degraded` keeps it serving and says why. */
  status: 'ok' | 'degraded' | 'unavailable'
  detail: string
}

/** `checks` is asked on each call and must answer within its own bound. Whether the process lives is asked of nobody. */
export function health(checks: () => Promise<readonly HealthCheck[]>) {
  return new Hono()
    .on('GET', ['/health/live', '/healthz'], (context) => context.json({ status: 'ok' }))
    .on('GET', ['/health', '/health/ready', '/readyz'], async (context) =>
      context.json(...(await report(checks))),
    )
}

type Report = { status: 'ok' | 'degraded' | 'unavailable'; checks: readonly HealthCheck[] }

async function report(checks: () => Promise<readonly HealthCheck[]>): Promise<[Report, 200 | 503]> {
  const all = await checks()
  const status = all.some((check) => check.status === 'unavailable')
    ? 'unavailable'
    : all.some((check) => check.status === 'degraded')
      ? 'degraded'
      : 'ok'
  return [{ status, checks: all }, status === 'unavailable' ? 503 : 200]
}
