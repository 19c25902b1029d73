/**
 * Runs jobs: takes them from the queue and hands each to its handler. Knows which handler belongs to which name and
 * nothing about what they do. Every job may run twice; that is each handler's promise to bear.
 */

import { UnrecoverableError } from 'bullmq'
import type { Sql } from 'postgres'
import type { AuditKeys } from '../audit/privacy/audit-keys.ts'
import type { Db } from '../db/client.ts'
import type { Clock } from '../lib/clock.ts'
import type { QueueBackend } from '../queue/backend.ts'
import { type Enqueuer, openEnqueuer } from '../queue/enqueue.ts'
import { isJobName, type JobName } from '../queue/jobs.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { JobObserver } from '../telemetry/metrics/job-metrics.ts'
import { type ActOnAlertDeps, runActOnAlert } from './act-on-alert.ts'
import { type AdvanceFineTuneDeps, runAdvanceFineTune } from './advance-fine-tune.ts'
import { type AdvancePromotionDeps, runAdvancePromotion } from './advance-promotion.ts'
import { type BuildIndexDeps, runBuildIndex } from './build-index.ts'
import { COMPARE_WINDOWS_EVERY_MS, type CompareWindowsDeps, runCompareWindows } from './compare-windows.ts'
import { DELIVER_ALERTS_EVERY_MS, type DeliverAlertsDeps, runDeliverAlerts } from './deliver-alerts.ts'
import { ENSURE_PARTITIONS_EVERY_MS, runEnsurePartitions } from './ensure-partitions.ts'
import { giveSigns } from './give-signs.ts'
import { LOG_ALERTS_EVERY_MS, runLogAlerts } from './log-alerts.ts'
import { ROLL_UP_EVERY_MS, type RollUpDeps, runRollUp } from './roll-up.ts'
import { type RunSuiteDeps, runRunSuite } from './run-suite.ts'
import { runScoreSentinels, SCORE_SENTINELS_EVERY_MS } from './score-sentinels.ts'
import { runScoreTraffic, type ScoreTrafficDeps } from './score-traffic.ts'
import { runSyncSource, type SyncSourceDeps } from './sync-source.ts'
import { runTidyActions, TIDY_ACTIONS_EVERY_MS } from './tidy-actions.ts'
import { runTidyExports, TIDY_EXPORTS_EVERY_MS } from './tidy-exports.ts'
import { runTidyFineTunes, TIDY_FINE_TUNES_EVERY_MS } from './tidy-fine-tunes.ts'
import { runTidyOnline, TIDY_ONLINE_EVERY_MS } from './tidy-online.ts'
import { runTidyRetrieval, TIDY_RETRIEVAL_EVERY_MS } from './tidy-retrieval.ts'
import { runTidyRollups, TIDY_ROLLUPS_EVERY_MS } from './tidy-rollups.ts'
import { runTidyRuns, TIDY_RUNS_EVERY_MS } from './tidy-runs.ts'
import { runTidyStores, TIDY_STORES_EVERY_MS } from './tidy-stores.ts'
import { runUpdateStore } from './update-store.ts'
import { runWatchPromotions, WATCH_PROMOTIONS_EVERY_MS } from './watch-promotions.ts'
import { runWatchSeries, WATCH_SERIES_EVERY_MS, type WatchSeriesDeps } from './watch-series.ts'
import { runWriteExport } from './write-export.ts'

export type WorkerDeps = {
  sql: Sql
  db: Db
  /** Opens bodies and seals exports; null without an audit key, and then exports fail with a sentence. */
  keys: AuditKeys | null
  clock: Clock
  logger: Logger
  backend: QueueBackend
  observeJob?: JobObserver
} & Pick<BuildIndexDeps, 'embedded' | 'models'> &
  Pick<SyncSourceDeps, 'parser' | 'directory' | 'fetchUrl'> &
  Pick<RunSuiteDeps, 'ask' | 'batches' | 'evaluate' | 'pace'> &
  Pick<AdvancePromotionDeps, 'advance'> &
  Pick<ActOnAlertDeps, 'act'> &
  Pick<ScoreTrafficDeps & AdvanceFineTuneDeps, 'log'> &
  Pick<RollUpDeps, 'keepRollups'> &
  Pick<CompareWindowsDeps, 'readsBodies'> &
  Pick<WatchSeriesDeps, 'bars'> &
  Pick<DeliverAlertsDeps, 'alerts'>

export type RunningWorker = {
  /** Takes no new job, stops what goes on elsewhere, waits for the others up to the limit, aborts what is left. */
  close(): Promise<void>
}

type Handler = (
  deps: WorkerDeps & { enqueuer: Enqueuer },
  payload: unknown,
  signal: AbortSignal,
) => Promise<unknown>

const HANDLERS: Record<JobName, Handler> = {
  'ensure-partitions': runEnsurePartitions,
  'write-export': runWriteExport,
  'tidy-exports': runTidyExports,
  'sync-source': runSyncSource,
  'build-index': runBuildIndex,
  'tidy-retrieval': runTidyRetrieval,
  'update-store': runUpdateStore,
  'tidy-stores': runTidyStores,
  'run-suite': runRunSuite,
  'tidy-runs': runTidyRuns,
  'advance-fine-tune': runAdvanceFineTune,
  'tidy-fine-tunes': runTidyFineTunes,
  'advance-promotion': runAdvancePromotion,
  'watch-promotions': runWatchPromotions,
  'score-traffic': runScoreTraffic,
  'tidy-online': runTidyOnline,
  'roll-up': runRollUp,
  'tidy-rollups': runTidyRollups,
  'watch-series': runWatchSeries,
  'act-on-alert': runActOnAlert,
  'tidy-actions': runTidyActions,
  'log-alerts': runLogAlerts,
  'deliver-alerts': runDeliverAlerts,
  'compare-windows': runCompareWindows,
  'score-sentinels': runScoreSentinels,
}

/** They go on elsewhere where they stopped, so a worker that is to close does not wait for them. */
const STOPPED_AT_ONCE: ReadonlySet<JobName> = new Set([
  'sync-source',
  'build-index',
  'update-store',
  'run-suite',
  'advance-fine-tune',
  'score-traffic',
  'roll-up',
  'watch-series',
  'log-alerts',
  'deliver-alerts',
  'compare-windows',
  'score-sentinels',
])

const CONCURRENCY = 4
/** A worker that is killed leaves its job locked this long; renewed at half of it while the job runs. */
const LOCK_MS = 30_000
const STALLED_CHECK_MS = 15_000
const CLOSE_TIMEOUT_MS = 25_000

/**
 * Schedules what recurs and starts to work. The backend must have been prepared. Rejects when it is out of reach;
 * afterwards lost connections are logged and opened again.
 */
export async function startWorker(deps: WorkerDeps): Promise<RunningWorker> {
  const closing: Closing = { begun: new AbortController(), late: new AbortController() }
  const failed = (error: Error) =>
    deps.logger.warn({ event: 'queue_error', message: error.message }, 'queue error')
  const enqueuer = openEnqueuer(deps.backend, failed)
  await enqueuer.schedule('ensure-partitions', {}, ENSURE_PARTITIONS_EVERY_MS)
  await enqueuer.schedule('tidy-exports', {}, TIDY_EXPORTS_EVERY_MS)
  await enqueuer.schedule('tidy-retrieval', {}, TIDY_RETRIEVAL_EVERY_MS)
  await enqueuer.schedule('tidy-stores', {}, TIDY_STORES_EVERY_MS)
  await enqueuer.schedule('tidy-runs', {}, TIDY_RUNS_EVERY_MS)
  await enqueuer.schedule('tidy-fine-tunes', {}, TIDY_FINE_TUNES_EVERY_MS)
  await enqueuer.schedule('watch-promotions', {}, WATCH_PROMOTIONS_EVERY_MS)
  await enqueuer.schedule('tidy-online', {}, TIDY_ONLINE_EVERY_MS)
  await enqueuer.schedule('roll-up', {}, ROLL_UP_EVERY_MS)
  await enqueuer.schedule('tidy-rollups', {}, TIDY_ROLLUPS_EVERY_MS)
  await enqueuer.schedule('watch-series', {}, WATCH_SERIES_EVERY_MS)
  await enqueuer.schedule('tidy-actions', {}, TIDY_ACTIONS_EVERY_MS)
  await enqueuer.schedule('log-alerts', {}, LOG_ALERTS_EVERY_MS)
  await enqueuer.schedule('deliver-alerts', {}, DELIVER_ALERTS_EVERY_MS)
  await enqueuer.schedule('compare-windows', {}, COMPARE_WINDOWS_EVERY_MS)
  await enqueuer.schedule('score-sentinels', {}, SCORE_SENTINELS_EVERY_MS)
  const worker = deps.backend.openWorker((job) => runJob({ ...deps, enqueuer }, job, closing), {
    concurrency: CONCURRENCY,
    lockDuration: LOCK_MS,
    stalledInterval: STALLED_CHECK_MS,
    // A job of a killed worker is taken up again this often before it counts as failed.
    maxStalledCount: 3,
  })
  worker.on('error', failed)
  worker.on('failed', (job, error) => {
    deps.logger.warn(
      {
        event: 'job_failed',
        job: job?.name ?? null,
        attempt: job?.attemptsMade ?? null,
        message: error.message,
      },
      'job failed',
    )
  })
  await worker.waitUntilReady()
  const signs = giveSigns(deps, failed)
  let closed: Promise<void> | null = null
  return {
    close: () => {
      closed ??= closeWorker(worker, enqueuer, closing, signs)
      return closed
    },
  }
}

type Closing = { begun: AbortController; late: AbortController }

async function runJob(
  deps: WorkerDeps & { enqueuer: Enqueuer },
  job: { name: string; data: unknown },
  { begun, late }: Closing,
): Promise<unknown> {
  if (!isJobName(job.name)) {
    // Trying again would not help this version; the job stays among the failed ones for a newer one to see.
    throw new UnrecoverableError(`This version knows no job "${job.name}".`)
  }
  const { signal } = STOPPED_AT_ONCE.has(job.name) ? begun : late
  const startedMs = deps.clock.monotonicMs()
  const ended = (result: 'done' | 'failed') =>
    deps.observeJob?.(job.name, result, deps.clock.monotonicMs() - startedMs)
  try {
    const answer = await HANDLERS[job.name](deps, job.data, signal)
    ended('done')
    return answer
  } catch (error) {
    ended('failed')
    throw error
  }
}

async function closeWorker(
  worker: { close(force?: boolean): Promise<void> },
  enqueuer: { close(): Promise<void> },
  { begun, late }: Closing,
  signs: { stop(): Promise<void> },
): Promise<void> {
  begun.abort()
  const timer = setTimeout(() => late.abort(), CLOSE_TIMEOUT_MS)
  try {
    await worker.close()
    await enqueuer.close()
  } finally {
    clearTimeout(timer)
    // Whatever failed: this worker lives no more.
    await signs.stop()
  }
}
