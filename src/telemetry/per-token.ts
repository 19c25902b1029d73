/** Speed of a streamed answer. */

/**
 * Seconds between the first token and the end, by every token after the first:
 * gen_ai.server.time_per_output_token, https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/.
 * Null for an answer of one token or of unknown length.
 */
export function secondsPerOutputToken(
  ttftMs: number,
  durationMs: number,
  outputTokens: number | null,
): number | null {
  if (outputTokens === null || outputTokens < 2) return null
  return Math.max(0, durationMs - ttftMs) / 1000 / (outputTokens - 1)
}
