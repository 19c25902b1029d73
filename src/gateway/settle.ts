/** The three ways an exchange ends. Each writes CLOSE first and only then releases the last bytes. */

import type { Outcome, UsageRecord } from '../audit/record.ts'
import { toOpenAIError, type UpstreamError } from '../errors.ts'
import { usdText } from '../lib/money.ts'
import { encodeSse } from '../lib/sse.ts'
import type { Answer } from './attempt.ts'
import { withCitations } from './contexts.ts'
import { type Exchange, STREAM_HEADERS } from './exchange.ts'

/** The upstream answered whole. A client that left in the meantime makes it `client_abort`. */
export async function finishAnswered(exchange: Exchange, answer: Answer): Promise<void> {
  const { client, body } = exchange
  const { usage, finishReason, head } = answer
  if (client.gone) {
    await exchange.close('client_abort', 499, null, {
      errorCode: 'client_closed_request',
      usage,
      finishReason,
    })
    return
  }
  const last = cited(exchange, answer)
  // A Responses answer can say of itself that it failed; it is passed on whole, and the row says what it was.
  const outcome =
    exchange.envelope.operation === 'responses' && finishReason === 'failed' ? 'upstream_error' : 'completed'
  await exchange.close(outcome, 200, last, { usage, finishReason })
  if (!exchange.committed) {
    const more = body.stream
      ? STREAM_HEADERS
      : { 'content-type': head.contentType || 'application/json', 'content-length': String(last.length) }
    const cost = exchange.cost(usage)
    const priced = cost === null ? more : { ...more, 'x-aval-cost-usd': usdText(cost.microUsd) }
    client.start(200, exchange.headers(head, priced))
  }
  client.end(last)
}

/** A whole answer from an index names what it cites; a stream says it in its head alone. */
function cited({ body, plan, retrieval }: Exchange, { last }: Answer): Buffer {
  const index = plan.release?.index ?? null
  if (index === null || retrieval === null || body.stream) return last
  return withCitations(last, index.ref, retrieval)
}

/** Every attempt failed, or the stream broke after its first byte: then the last event is an error, never `[DONE]`. */
export async function finishFailed(
  exchange: Exchange,
  error: UpstreamError,
  usage: UsageRecord | null,
): Promise<void> {
  const { client, committed, envelope } = exchange
  if (client.gone) return finishAborted(exchange, usage)
  const rendered = toOpenAIError(error, envelope.id)
  const json = JSON.stringify(rendered.body)
  const outcome = outcomeOf(error, committed)
  if (committed) {
    const last = encodeSse(json)
    await exchange.close(outcome, 200, last, { errorCode: error.code, usage })
    client.end(last)
    return
  }
  const last = Buffer.from(json)
  await exchange.close(outcome, rendered.status, last, { errorCode: error.code, usage })
  // Our own attempts are spent. With a Retry-After the caller may come back when it says.
  const retry = rendered.headers['retry-after'] === undefined ? { 'x-should-retry': 'false' } : {}
  const headers = {
    ...rendered.headers,
    ...retry,
    'content-type': 'application/json',
    'content-length': String(last.length),
  }
  client.start(rendered.status, exchange.headers(null, headers))
  client.end(last)
}

/** The client left: nobody reads an answer, the log still gets its row. */
export async function finishAborted(exchange: Exchange, usage: UsageRecord | null): Promise<void> {
  await exchange.close('client_abort', 499, null, { errorCode: 'client_closed_request', usage })
  exchange.client.end(null)
}

/** Our own mistake after OPEN: the row says so, and the client sees an error, never a silence. */
export async function finishBroken(exchange: Exchange, error: unknown): Promise<void> {
  const { client, committed, envelope } = exchange
  const { status, body } = toOpenAIError(error, envelope.id)
  const json = JSON.stringify(body)
  const last = committed ? encodeSse(json) : Buffer.from(json)
  await exchange.close('gateway_crash', status, last, { errorCode: 'internal_error' })
  if (!committed) {
    client.start(
      status,
      exchange.headers(null, { 'content-type': 'application/json', 'content-length': String(last.length) }),
    )
  }
  client.end(last)
}

function outcomeOf(error: UpstreamError, committed: boolean): Outcome {
  if (error.code === 'upstream_timeout') return 'timeout'
  if (committed) return error.code === 'upstream_unavailable' ? 'upstream_error' : 'upstream_cut'
  // A request this upstream's dialect cannot express never left the building.
  return error.upstreamStatus === null && error.status < 500 && error.status !== 429
    ? 'rejected'
    : 'upstream_error'
}
