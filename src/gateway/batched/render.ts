/** One request of a batch made ready: what a release makes of it, and the bytes that a single call would send. */

import { hash } from 'node:crypto'
import type { RetrievalRecord } from '../../audit/record.ts'
import type { Retrieval } from '../../retrieval/retrieve.ts'
import { askIndex } from '../ask-index.ts'
import type { Client } from '../client.ts'
import type { GatewayDeps } from '../deps.ts'
import { Exchange } from '../exchange.ts'
import { demandMessages } from '../release-body.ts'
import { parseBody, type RequestEnvelope } from '../request.ts'
import { releasedBody } from '../serve.ts'
import { targetBody } from '../upstream-body.ts'
import type { BatchedPlan } from './target.ts'

export type Rendered = {
  /** What the upstream is sent, and its SHA-256 as an attempt on the log has it. */
  sent: Buffer
  sentDigest: string
  /** What the release's index gave, as the log keeps it; null without one. */
  record: RetrievalRecord | null
  retrieval: Retrieval | null
}

/**
 * As serving makes it, up to the call itself. Asks the release's index, so whoever calls has said so on the log. Throws GatewayError
 * for what serving would refuse. `client` leaves when nobody wants it any more.
 */
export async function renderBatched(
  deps: GatewayDeps,
  { plan, target }: BatchedPlan,
  { envelope, bytes }: { envelope: RequestEnvelope; bytes: Buffer },
  client: Client,
): Promise<Rendered> {
  const body = parseBody('chat', bytes)
  if (plan.release === null) demandMessages(body, 'chat')
  const sent = plan.release === null ? body : releasedBody(body, 'chat', plan.release)
  let retrieval: Retrieval | null = null
  const watched: GatewayDeps = {
    ...deps,
    retrieve: async (question) => {
      retrieval = await deps.retrieve(question)
      return retrieval
    },
  }
  const exchange = new Exchange(watched, envelope, { body, sent }, plan, {}, client)
  const refused = await askIndex(watched, exchange)
  if (refused !== null) throw refused
  const { parsed, bytes: asked } = targetBody(exchange.sent, target, false)
  const { upstream, model, timeouts } = target
  const call = { operation: 'chat', model, parsed, body: asked, requestId: envelope.id, timeouts } as const
  const [bytesSent = asked] =
    upstream.provider.encode?.({ ...call, stream: false, includeUsage: false }) ?? []
  return {
    sent: bytesSent,
    sentDigest: hash('sha256', bytesSent, 'hex'),
    record: exchange.retrieval,
    retrieval,
  }
}
