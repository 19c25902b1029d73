/** Traces and metrics for a collector. Its packages are read only where one is configured. */

import type { UpstreamConfig } from './config/upstreams.ts'
import type { Config } from './config.ts'
import { telemetryNotSent } from './telemetry/events.ts'
import type { Logger } from './telemetry/logger.ts'
import type { Places } from './telemetry/metrics/places.ts'
import type { RequestObserver } from './telemetry/requests.ts'
import { VERSION } from './version.ts'

/** What waits to be sent when the process stops is given this long. */
const STOP_MS = 2000

/** Makes the observer, once the labels are known. */
export type Traces = (places: Places) => RequestObserver

/** Null without a collector. Upstreams are looked up in the config in force. */
export async function openTraces(
  config: () => Config,
  { logger, stack }: { logger: Logger; stack: AsyncDisposableStack },
): Promise<Traces | null> {
  const { otlp } = config()
  if (otlp === null) return null
  const { startOtlp } = await import('./telemetry/otel/start.ts')
  const headers = Object.fromEntries(
    Object.entries(otlp.headers).map(([name, value]) => [name, value.reveal()]),
  )
  const find = (name: string) => config().upstreams.find((upstream) => upstream.name === name)
  return (places) => {
    const started = startOtlp({
      ...otlp,
      headers,
      version: VERSION,
      places,
      onProblem: (message) => telemetryNotSent(logger, message),
      addressOf: (name) => addressOf(find(name)),
      dialectOf: (name) => find(name)?.dialect ?? null,
    })
    stack.defer(() => started.stop(STOP_MS))
    return started.observer
  }
}

/** The host alone: a path or a user's name may hold what a collector should not see. */
function addressOf(upstream: UpstreamConfig | undefined): { host: string; port: number } | null {
  if (upstream === undefined || upstream.dialect === 'local') return null
  const { hostname, port, protocol } = new URL(upstream.baseUrl)
  return { host: hostname, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) }
}
