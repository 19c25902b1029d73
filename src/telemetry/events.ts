/** One function per business event, so that names and fields stand in one place and user text is always a field. */

import type { Logger } from './logger.ts'

export function serving(logger: Logger, fields: { url: string; version: string; database: string }): void {
  logger.info(fields, 'serving')
}

export function stopping(logger: Logger, fields: { drainMs: number }): void {
  logger.info(fields, 'stopping')
}

export function stopped(logger: Logger, fields: { cutExchanges: number; shipped: boolean }): void {
  logger.info(fields, 'stopped')
}

export function configApplied(
  logger: Logger,
  fields: { upstreams: number; routes: number; keys: number },
): void {
  logger.info(fields, 'config_applied')
}

export function configRefused(logger: Logger, problems: readonly string[]): void {
  logger.error({ problems }, 'config_refused')
}

/** A label was moved without evidence, by two admins: whoever watches the log is to know. */
export function glassBroken(logger: Logger, fields: { promotion: string; label: string }): void {
  logger.warn(fields, 'glass_broken')
}

/** Why an alert's figure changed could not be found out; it is tried again. */
export function alertUnexplained(logger: Logger, alert: string, error: unknown): void {
  logger.warn({ alert, err: error }, 'alert_unexplained')
}

/** Traces or metrics did not reach the collector. */
export function telemetryNotSent(logger: Logger, message: string): void {
  logger.warn(
    { message, remedy: 'Check OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_EXPORTER_OTLP_HEADERS.' },
    'telemetry_not_sent',
  )
}

/** The log is summed up to there alone, so what came later is not watched. */
export function rollupsLate(logger: Logger, reachMs: number): void {
  logger.warn(
    {
      summedUpTo: new Date(reachMs).toISOString(),
      remedy: 'See that a worker lives and keeps up: aval doctor.',
    },
    'rollups_late',
  )
}

/** What a project's traffic came to was not given to its detectors; the next look tries it again. */
export function projectUnwatched(logger: Logger, project: string, error: unknown): void {
  logger.warn({ project, err: error }, 'project_unwatched')
}

/** An error of our own; the caller was shown only the request id. */
export function bug(logger: Logger, error: unknown, requestId: string): void {
  logger.error({ err: error, requestId }, 'request_failed_unexpectedly')
}

/** What others spent on shadows is not known: soon nothing more is mirrored. Then it is known again. */
export function shadowsNotFollowed(logger: Logger, error: unknown): void {
  logger.warn({ err: error }, 'shadows_not_followed')
}

/** Figures of upstreams did not get from this process to others, or back: runs go by what this process sees alone. */
export function loadsNotShared(logger: Logger, error: unknown): void {
  logger.warn({ err: error }, 'loads_not_shared')
}

export function shadowEnded(logger: Logger, fields: { shadow: string; state: string }): void {
  logger.info(fields, 'shadow_ended')
}

/** What the audit room reports; the levels follow what it costs to overlook it. */
export function auditEvent(logger: Logger, fields: { event: string }): void {
  const { event, ...rest } = fields
  const quiet = /recovered|resumed|accepting|retention_dropped|retention_held/.test(event)
  logger[quiet ? 'info' : 'error'](rest, event)
}

/** Subjects erased by other gateways keep their old keys here until it works again; what they seal nobody can read. */
export function erasuresNotFollowed(logger: Logger, message: string): void {
  logger.warn({ message }, 'erasures_not_followed')
}

export function embeddedDatabase(logger: Logger, fields: { kind: string }): void {
  const { kind, ...rest } = fields
  logger[kind === 'ready' ? 'info' : 'error'](rest, `database_${kind}`)
}

export function upstreamNotRetired(logger: Logger, upstream: string, error: unknown): void {
  logger.warn({ upstream, err: error }, 'upstream_not_retired')
}

export function working(logger: Logger, fields: { queue: string }): void {
  logger.info(fields, 'working')
}

/** A queue that does not take a job; the worker's own round makes up for it. */
export function queueFailed(logger: Logger, error: Error): void {
  logger.warn({ message: error.message }, 'queue_error')
}

export function workerExited(logger: Logger, fields: { code: number | null; signal: string | null }): void {
  logger.error(fields, 'worker_exited')
}

/** Loading, loaded, evicted, downloading: one line each, so that a slow first answer explains itself. */
export function localModel(logger: Logger, fields: { type: string }): void {
  const { type, ...rest } = fields
  logger[type === 'crashed' ? 'error' : 'info'](rest, `local_model_${type}`)
}

export function workerFailed(logger: Logger, error: Error): void {
  logger.error({ err: error }, 'worker_failed')
}

/** A promise that nobody awaited has failed: a bug, but none that may end the requests of others. */
export function forgottenFailure(logger: Logger, error: unknown): void {
  logger.error({ err: error }, 'failure_nobody_awaited')
}

/** No head over all writers was signed this time; the next round tries again. */
export function superCheckpointFailed(logger: Logger, error: unknown): void {
  logger.warn({ err: error }, 'super_checkpoint_failed')
}

/** Releases and labels as this gateway serves them. */
export function releases(
  logger: Logger,
  event:
    | { kind: 'loaded'; from: string; releases: number; version: string }
    | { kind: 'problem' | 'not_listening' | 'file_problem'; error: unknown }
    | { kind: 'current_again' },
): void {
  if (event.kind === 'loaded') {
    const { from, releases, version } = event
    logger[from === 'file' ? 'warn' : 'info']({ from, releases, version }, 'releases_loaded')
  } else if (event.kind === 'problem') logger.warn({ err: event.error }, 'releases_not_refreshed')
  else if (event.kind === 'not_listening') logger.warn({ err: event.error }, 'releases_not_listening')
  else if (event.kind === 'file_problem') logger.error({ err: event.error }, 'releases_file_not_usable')
  else logger.info('releases_current_again')
}
