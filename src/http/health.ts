/** Health for load balancers and people: a real query, the spool's state, and what is degraded, in words. */

import { Hono } from 'hono'

export type HealthCheck = {
  name: string
  /** `fail` takes the process out of the load balancer; `degraded` keeps it serving and says why. */
  status: 'ok' | 'degraded' | 'fail'
  detail: string
}

/** `checks` is asked on each call and must answer within its own bound. */
export function health(checks: () => Promise<readonly HealthCheck[]>) {
  return new Hono()
    .get('/health/live', (context) => context.json({ status: 'ok' }))
    .get('/health', async (context) => context.json(...(await report(checks))))
    .get('/health/ready', async (context) => context.json(...(await report(checks))))
}

type Report = { status: 'ok' | 'degraded' | 'fail'; checks: readonly HealthCheck[] }

async function report(checks: () => Promise<readonly HealthCheck[]>): Promise<[Report, 200 | 503]> {
  const all = await checks()
  const status = all.some((check) => check.status === 'fail')
    ? 'fail'
    : all.some((check) => check.status === 'degraded')
      ? 'degraded'
      : 'ok'
  return [{ status, checks: all }, status === 'fail' ? 503 : 200]
}
