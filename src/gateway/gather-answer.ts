/**
 * One non-streaming call seen from the gateway: gathers the answer and checks that it is whole before anyone sees it.
 * Resolves, never rejects; decides nothing about retries.
 */

import type { UpstreamError } from '../errors.ts'
import { isJsonObject, type JsonObject } from '../lib/json.ts'
import { scanTopLevel } from '../lib/json-scan.ts'
import type { ProviderCall, ProviderHead, ProviderSink } from '../providers/provider.ts'
import { type AttemptResult, errorInside, MAX_DETAIL_BYTES, malformed } from './attempt.ts'
import type { Client } from './client.ts'
import type { PlannedTarget } from './plan.ts'
import { readErrorInside, readFinishReason, readUsage } from './usage.ts'

/** Larger JSON answers (2,048 embeddings are 40 MB) are not parsed on this thread; one pass finds their members. */
const MAX_PARSED_BYTES = 256 * 1024
/** The members of such an answer that are read, when they are not large themselves. */
const READ_MEMBERS = new Set(['object', 'type', 'error', 'usage', 'status'])
const MAX_MEMBER_BYTES = 16 * 1024
const MAX_ANSWER_DEPTH = 1000

/** Gathers a non-streaming answer and checks that it is whole before anyone sees it. */
export function gatherAnswer(
  target: PlannedTarget,
  call: ProviderCall,
  client: Client,
): Promise<AttemptResult> {
  return new Promise((resolve) => {
    let head: ProviderHead | null = null
    const chunks: Buffer[] = []
    const fail = (error: UpstreamError) => resolve({ kind: 'failed', error, committed: false, usage: null })
    const sink: ProviderSink = {
      onHead(received) {
        head = received
      },
      onData: (chunk) => void chunks.push(chunk),
      onEnd() {
        const body = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
        if (head === null) fail(malformed(target, 'no response head', ''))
        else resolve(readWhole(target, head, body))
      },
      onError: fail,
    }
    const handle = target.upstream.provider.call(call, sink)
    client.onGone(() => {
      handle.abort()
      resolve({ kind: 'aborted', usage: null })
    })
  })
}

/** What a whole answer with a good status comes to: `answered`, or `failed` for bytes that are no answer. */
export function readWhole(target: PlannedTarget, head: ProviderHead, body: Buffer): AttemptResult {
  const failed = (error: UpstreamError): AttemptResult => ({
    kind: 'failed',
    error,
    committed: false,
    usage: null,
  })
  if (body.length > MAX_PARSED_BYTES) {
    const members = readLargeObject(body)
    if (members === null) {
      return failed(
        malformed(target, 'a large body that is not a whole JSON object', body.toString('utf8', 0, 4096)),
      )
    }
    const inside = readErrorInside(members)
    if (inside !== null) return failed(errorInside(target, JSON.stringify(inside).slice(0, 4096)))
    return {
      kind: 'answered',
      answer: { head, last: body, usage: readUsage(members), finishReason: readFinishReason(members) },
    }
  }
  let parsed: unknown
  try {
    parsed = JSON.parse(body.toString('utf8'))
  } catch {
    // Converted into a typed failure that another target may still answer.
    return failed(
      malformed(
        target,
        `${head.contentType || 'a body'} that is not JSON`,
        body.toString('utf8', 0, MAX_DETAIL_BYTES),
      ),
    )
  }
  if (!isJsonObject(parsed)) {
    return failed(malformed(target, 'JSON that is not an object', body.toString('utf8', 0, MAX_DETAIL_BYTES)))
  }
  const inside = readErrorInside(parsed)
  if (inside !== null) return failed(errorInside(target, JSON.stringify(inside).slice(0, 4096)))
  const answer = { head, last: body, usage: readUsage(parsed), finishReason: readFinishReason(parsed) }
  return { kind: 'answered', answer }
}

/** The few members that are read of a large object; null when its end is not the end of the body. */
function readLargeObject(body: Buffer): JsonObject | null {
  const { entries } = scanTopLevel(body, MAX_ANSWER_DEPTH)
  const end = entries.at(-1)?.end
  if (end === undefined || body.length - end > MAX_MEMBER_BYTES) return null
  if (!/^\s*\}\s*$/.test(body.toString('latin1', end))) return null
  const members: JsonObject = {}
  for (const { key, start, end: after } of entries) {
    if (!READ_MEMBERS.has(key) || after - start > MAX_MEMBER_BYTES) continue
    try {
      members[key] = JSON.parse(body.toString('utf8', start, after)) as JsonObject[string]
    } catch {
      // Converted into "not whole": what cannot be parsed here cannot be by the client either.
      return null
    }
  }
  return members
}
