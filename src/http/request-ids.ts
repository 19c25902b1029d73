/** The caller's own request id: taken when it looks like one, echoed and logged, never used as ours. */

import type { IncomingMessage } from 'node:http'

const PATTERN = /^[\w.:-]{1,128}$/

/** From `x-client-request-id` (OpenAI's name) or `x-request-id`; null when absent or not a plain token. */
export function clientRequestId(incoming: IncomingMessage): string | null {
  const given = incoming.headers['x-client-request-id'] ?? incoming.headers['x-request-id']
  return typeof given === 'string' && PATTERN.test(given) ? given : null
}
