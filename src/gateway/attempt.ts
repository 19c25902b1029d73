/** What one outbound call can come to, and the two errors the gateway finds in an answer that arrived. */

import type { UsageRecord } from '../audit/record.ts'
import { UpstreamError } from '../errors.ts'
import type { ProviderHead } from '../providers/provider.ts'
import type { PlannedTarget } from './plan.ts'

/** Kept of an answer that makes no sense, for the log. */
export const MAX_DETAIL_BYTES = 4096

export type Answer = {
  head: ProviderHead
  /** A whole JSON body, or the held last event of a stream. */
  last: Buffer
  usage: UsageRecord | null
  finishReason: string | null
}

export type AttemptResult =
  | { kind: 'answered'; answer: Answer }
  | { kind: 'failed'; error: UpstreamError; committed: boolean; usage: UsageRecord | null }
  | { kind: 'aborted'; usage: UsageRecord | null }

/** Bytes that are no answer. `detail` is for the log; empty means that `what` says it all. */
export function malformed(target: PlannedTarget, what: string, detail: string): UpstreamError {
  const message = `Upstream "${target.upstream.name}" answered with ${what}. What it sent is in the request log.`
  return new UpstreamError('upstream_malformed', message, {
    retryable: true,
    detail: detail === '' ? what : detail,
  })
}

/** An error inside a 200. */
export function errorInside(target: PlannedTarget, detail: string): UpstreamError {
  const message = `Upstream "${target.upstream.name}" reported an error inside its answer. Its words are in the request log.`
  return new UpstreamError('upstream_unavailable', message, { retryable: true, detail })
}
