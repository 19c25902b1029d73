/** What an upstream sent is not what its API says. */

import { UpstreamError } from '../errors.ts'

/** `what` names what it sent: "no batch". */
export function malformed(upstream: string, what: string): UpstreamError {
  return new UpstreamError('upstream_malformed', `Upstream "${upstream}" sent ${what}.`, { retryable: true })
}
