/** Counters of a worker's jobs. Prometheus has a label `job` of its own, so theirs is `name`. */

import type { Registry } from 'prom-client'
import { Counter, Histogram } from './prometheus.ts'

/** Called when a job of a known name has ended. */
export type JobObserver = (job: string, result: 'done' | 'failed', durationMs: number) => void

/** Seconds: a look at a table takes milliseconds, a build of an index hours. */
const BUCKETS = [0.01, 0.05, 0.25, 1, 5, 30, 120, 600, 3600]

/** Registers the metrics. */
export function jobMetrics(registry: Registry): JobObserver {
  const ended = new Counter({
    name: 'aval_jobs_total',
    help: 'Jobs that this worker ended; one that failed may be tried again.',
    labelNames: ['name', 'result'],
    registers: [registry],
  })
  const seconds = new Histogram({
    name: 'aval_job_duration_seconds',
    help: 'How long jobs took.',
    labelNames: ['name'],
    buckets: BUCKETS,
    registers: [registry],
  })
  return (job, result, durationMs) => {
    ended.inc({ name: job, result })
    seconds.observe({ name: job }, durationMs / 1000)
  }
}
