/** Boundaries of histograms, the same for Prometheus and for collectors. */

/**
 * Seconds. From an embedding's milliseconds to a long answer's minutes, each about twice the one before: those of
 * gen_ai.client.operation.duration, https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/, and two below.
 */
export const DURATION_BUCKETS = [
  0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 300,
]
/** Seconds; those of gen_ai.server.time_to_first_token, the same page. */
export const TTFT_BUCKETS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30,
]
/** Seconds; those of gen_ai.server.time_per_output_token, the same page. */
export const PER_TOKEN_BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2.5,
]
