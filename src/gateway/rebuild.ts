/**
 * What went to an upstream, made again from what the log keeps, pure: the caller's body and the attempt. Only the digest
 * of the bytes that were sent decides whether it is the same.
 */

import { hash } from 'node:crypto'
import type { AttemptRecord } from '../audit/record.ts'
import { RequestError } from '../errors.ts'
import {
  OPERATIONS,
  type Operation,
  type Provider,
  type ProviderCall,
  type Timeouts,
} from '../providers/provider.ts'
import type { PromptContext } from '../registry/prompts/prompt-content.ts'
import type { ServedRelease } from '../registry/releases/book.ts'
import type { RecalledContexts } from './recall-contexts.ts'
import { releaseBody, withDefaults } from './release-body.ts'
import { type ParsedBody, parseBody } from './request.ts'
import { upstreamBody } from './upstream-body.ts'

export type RebuildInput = {
  requestId: string
  operation: string
  /** The caller's body as the log keeps it; null when it keeps none. */
  body: Buffer | null
  attempt: AttemptRecord
  /** The provider of the attempt's upstream; null when it is no longer configured. */
  provider: Provider | null
  /** Of a request to a release; `found` is null when the registry has it no more. */
  release: { found: ServedRelease | null } | null
  /** What the release's index gave then. */
  contexts: RecalledContexts
}

/**
 * `equal`: these are the bytes that were sent. `differs`: the nearest that could be made, and why it may differ.
 * `not_rebuilt`: nothing could be made.
 */
export type Rebuilt = {
  state: 'equal' | 'differs' | 'not_rebuilt'
  reason: string | null
  bytes: Buffer | null
  /** Hex SHA-256, as the attempt has it and as `bytes` have it. */
  sentDigest: string | null
  rebuiltDigest: string | null
}

/** Never throws for a row of the log, whatever is in it. */
export function rebuildSent(input: RebuildInput): Rebuilt {
  const { requestId, operation, body, attempt, provider, release, contexts } = input
  const sentDigest = attempt.sentDigest ?? null
  const none = (reason: string): Rebuilt => ({
    state: 'not_rebuilt',
    reason,
    bytes: null,
    sentDigest,
    rebuiltDigest: null,
  })
  const known = OPERATIONS.find((name) => name === operation)
  if (sentDigest === null) {
    return none('The attempt has no digest: nothing left this process, or the row is of an older version.')
  }
  if (body === null || body.length === 0 || known === undefined) return none('The log keeps no body of it.')
  if (release !== null && release.found === null) return none('Its release is not in the registry.')
  if (contexts === 'gone') return none('The index version that it was answered from has been dropped.')
  let made: Buffer[]
  try {
    const sent = bodyOf(
      parseBody(known, body),
      { operation: known, attempt, contexts },
      release?.found ?? null,
    )
    made = encodings(requestId, known, sent, attempt.model, provider)
  } catch (error) {
    if (!(error instanceof RequestError)) throw error
    return none(`The kept body is no longer a request this version would send: ${error.message}`)
  }
  const digests = made.map((bytes) => hash('sha256', bytes, 'hex'))
  const same = digests.indexOf(sentDigest)
  const [first] = made
  if (first === undefined) return none('Its upstream is now one that sends nothing out of this process.')
  const at = Math.max(0, same)
  return {
    state: same >= 0 ? 'equal' : 'differs',
    reason: same >= 0 ? null : whyItDiffers(attempt.upstream, provider),
    bytes: made[at] ?? first,
    sentDigest,
    rebuiltDigest: digests[at] ?? null,
  }
}

/** As serving made it: the release first, then the defaults of the model version that was tried. */
function bodyOf(
  body: ParsedBody,
  tried: { operation: Operation; attempt: AttemptRecord; contexts: readonly PromptContext[] | null },
  release: ServedRelease | null,
): ParsedBody {
  if (release === null) return body
  const { operation, attempt, contexts } = tried
  const target = release.targets.find(({ modelVersion }) => modelVersion === attempt.modelVersion)
  const sent = releaseBody(body, operation, release, contexts)
  return target === undefined ? sent : withDefaults(sent, target.parameters)
}

/** With our usage wish and without: which of the two it was, the upstream's setting of that day decided. */
function encodings(
  requestId: string,
  operation: Operation,
  parsed: ParsedBody,
  model: string,
  provider: Provider | null,
): Buffer[] {
  const wishes = parsed.stream && !parsed.includeUsage ? [false, true] : [false]
  return wishes.flatMap((askUsage) => {
    const call: ProviderCall = {
      operation,
      model,
      parsed: parsed.parsed,
      body: upstreamBody(parsed, model, askUsage),
      stream: parsed.stream,
      includeUsage: parsed.includeUsage || askUsage,
      requestId,
      timeouts: NO_TIMEOUTS,
    }
    if (provider === null) return [call.body]
    return [...(provider.encode?.(call) ?? [])]
  })
}

const NO_TIMEOUTS: Timeouts = { connectMs: 0, firstByteMs: 0, idleMs: 0, totalMs: 0 }

function whyItDiffers(upstream: string, provider: Provider | null): string {
  const kept = 'the kept body is not the one that was sent (redacted before it was kept)'
  if (provider === null) {
    return `Upstream "${upstream}" is no longer configured, so its dialect is not known; or ${kept}.`
  }
  if (provider.dialect === 'openai') return `Either ${kept}, or the upstream's dialect was another one then.`
  return `Either ${kept}, or the translation to ${provider.dialect} has changed since.`
}
