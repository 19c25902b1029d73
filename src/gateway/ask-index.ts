/** Asks a release's index for a request under way. OPEN is on the log by then: a remote model embeds the question. */

import { saysLost } from '../db/transactions.ts'
import { GatewayError, UpstreamError } from '../errors.ts'
import { promptContexts, questionOf, retrievalRecord } from './contexts.ts'
import type { GatewayDeps } from './deps.ts'
import type { Exchange } from './exchange.ts'
import { releaseBody } from './release-body.ts'

/** Fills the prompt with what was found; null when all went well. The client's leaving is seen by whoever comes next. */
export async function askIndex(deps: GatewayDeps, exchange: Exchange): Promise<UpstreamError | null> {
  const { body, envelope, plan, client } = exchange
  const { release } = plan
  if (release === null || release.index === null) return null
  const { index } = release
  const left = new AbortController()
  client.onGone(() => left.abort())
  try {
    const retrieval = await deps.retrieve({
      projectId: envelope.key.projectId,
      index: index.version,
      text: questionOf(body, envelope.operation, index),
      settings: index.retrieval,
      requestId: envelope.id,
      signal: left.signal,
    })
    exchange.retrieval = retrievalRecord(retrieval)
    exchange.sent = releaseBody(body, envelope.operation, release, promptContexts(retrieval.chunks))
    return null
  } catch (error) {
    if (client.gone) return null
    if (error instanceof UpstreamError) return error
    if (error instanceof GatewayError) {
      return new UpstreamError(error.code, error.message, {
        param: error.param,
        cause: error,
        retryable: false,
      })
    }
    // A database that is away is told by whoever follows it; anything else is a mistake of ours.
    if (!saysLost(error)) deps.reportBug(error, envelope.id)
    const message = `Index ${index.ref} could not be searched: the database did not answer as it should. Try again.`
    return new UpstreamError('database_unavailable', message, { retryable: false, cause: error })
  }
}
