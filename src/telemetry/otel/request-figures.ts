/** The metrics of the semantic conventions. https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/ */

import type { Attributes, Meter } from '@opentelemetry/api'
import { ATTR_ERROR_TYPE } from '@opentelemetry/semantic-conventions'
import {
  ATTR_GEN_AI_OPERATION_NAME,
  ATTR_GEN_AI_PROVIDER_NAME,
  ATTR_GEN_AI_REQUEST_MODEL,
  ATTR_GEN_AI_TOKEN_TYPE,
  METRIC_GEN_AI_CLIENT_OPERATION_DURATION,
  METRIC_GEN_AI_CLIENT_TOKEN_USAGE,
  METRIC_GEN_AI_SERVER_TIME_PER_OUTPUT_TOKEN,
  METRIC_GEN_AI_SERVER_TIME_TO_FIRST_TOKEN,
} from '@opentelemetry/semantic-conventions/incubating'
import { DURATION_BUCKETS, PER_TOKEN_BUCKETS, TTFT_BUCKETS } from '../buckets.ts'
import type { Places } from '../metrics/places.ts'
import { secondsPerOutputToken } from '../per-token.ts'
import type { RequestEnded, RequestSeen } from '../requests.ts'
import { operationName, providerName } from './conventions.ts'

/** Tokens; those of gen_ai.client.token.usage, the page above. */
const TOKEN_BUCKETS = [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304]

/** Gives what counts one request. Attributes are the bounded labels of `places`. */
export function recordMetrics(
  meter: Meter,
  { places, dialectOf }: { places: Places; dialectOf: (upstream: string) => string | null },
): (seen: RequestSeen, ended: RequestEnded) => void {
  const histogram = (name: string, unit: string, buckets: number[]) =>
    meter.createHistogram(name, { unit, advice: { explicitBucketBoundaries: buckets } })
  const duration = histogram(METRIC_GEN_AI_CLIENT_OPERATION_DURATION, 's', DURATION_BUCKETS)
  const tokens = histogram(METRIC_GEN_AI_CLIENT_TOKEN_USAGE, '{token}', TOKEN_BUCKETS)
  const ttft = histogram(METRIC_GEN_AI_SERVER_TIME_TO_FIRST_TOKEN, 's', TTFT_BUCKETS)
  const perToken = histogram(METRIC_GEN_AI_SERVER_TIME_PER_OUTPUT_TOKEN, 's', PER_TOKEN_BUCKETS)
  return (seen, ended) => {
    const { upstream, usage, ttftMs, durationMs, errorCode } = ended
    if (upstream === null) return
    const { route, model } = places.of(seen, ended).model
    const attributes: Attributes = {
      [ATTR_GEN_AI_OPERATION_NAME]: operationName(seen.operation),
      [ATTR_GEN_AI_PROVIDER_NAME]: providerName(dialectOf(upstream)),
      [ATTR_GEN_AI_REQUEST_MODEL]: model,
      'aval.route': route,
    }
    const failed = errorCode === null ? {} : { [ATTR_ERROR_TYPE]: errorCode }
    duration.record(durationMs / 1000, { ...attributes, ...failed })
    const ofType = (type: string) => ({ ...attributes, [ATTR_GEN_AI_TOKEN_TYPE]: type })
    if (usage?.inputTokens != null) tokens.record(usage.inputTokens, ofType('input'))
    if (usage?.outputTokens != null) tokens.record(usage.outputTokens, ofType('output'))
    if (ttftMs === null) return
    ttft.record(ttftMs / 1000, attributes)
    const seconds = secondsPerOutputToken(ttftMs, durationMs, usage?.outputTokens ?? null)
    if (seconds !== null) perToken.record(seconds, attributes)
  }
}
