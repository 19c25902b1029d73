/** Sends logged requests again through /v1, a bounded number at once, and reads each answer whole. */

import { replaceValue } from '../../lib/json-scan.ts'
import { sleep } from '../../lib/sleep.ts'
import { type Client, readError, UnreachableError } from '../client.ts'
import { CliError } from '../exit-codes.ts'
import { waitOf } from '../retry-after.ts'
import { answerText } from './answer.ts'
import type { Candidate } from './gather.ts'
import { pathOf } from './logged.ts'

export type Sent = {
  candidate: Candidate
  /** The new request; null when the server never answered. */
  id: string | null
  /** What the client saw: true for an answer that came whole. The log has the last word. */
  ok: boolean
  errorCode: string | null
  message: string | null
  answer: string | null
}

export type Sending = {
  against: string
  concurrency: number
  /** After each that is done, in the order in which they end. */
  onDone: (sent: Sent) => void
}

/** Longer than any answer that still comes. */
const ANSWER_TIMEOUT_MS = 10 * 60_000
const MAX_WAIT_MS = 60_000
const MAX_TRIES = 6
/** The same for every request: going on would fill the log with the same refusal. */
const HOPELESS = new Set(['invalid_api_key', 'permission_denied', 'model_not_found', 'unreachable'])

const REPLAY_OF = 'x-aval-replay-of'

/**
 * Those that were sent, in the order in which they ended. Begins nothing new once `stop` is aborted, or when a refusal
 * comes that would meet every other request too, and waits for what is under way. Never rejects for one that failed.
 */
export async function sendAll(
  client: Client,
  candidates: readonly Candidate[],
  sending: Sending,
  stop: AbortSignal,
): Promise<Sent[]> {
  const done: Sent[] = []
  const queue = [...candidates]
  const isHopeless = () =>
    done.length > 0 && done.every(({ errorCode }) => errorCode !== null && HOPELESS.has(errorCode))
  const work = async (): Promise<void> => {
    while (!stop.aborted && !isHopeless()) {
      const candidate = queue.shift()
      if (candidate === undefined) return
      const sent = await sendOne(client, candidate, sending, stop)
      done.push(sent)
      sending.onDone(sent)
    }
  }
  await Promise.all(Array.from({ length: Math.min(sending.concurrency, candidates.length) }, work))
  return done
}

async function sendOne(
  client: Client,
  candidate: Candidate,
  { against }: Sending,
  stop: AbortSignal,
): Promise<Sent> {
  const { bytes, model, logged, operation } = candidate
  const call = {
    method: 'POST',
    path: pathOf(operation),
    body: replaceValue(bytes, model, JSON.stringify(against)),
    headers: { [REPLAY_OF]: logged.id },
  } as const
  const failed = { candidate, ok: false, answer: null }
  for (let tries = 1; ; tries += 1) {
    let id: string | null = null
    try {
      const reply = await client.send(call, AbortSignal.timeout(ANSWER_TIMEOUT_MS))
      id = reply.headers.get('x-request-id')
      const body = await reply.text()
      if (reply.ok) {
        const error = errorEvent(body)
        if (error !== null) return { ...failed, id, errorCode: error.code, message: error.message }
        const answer = answerText(operation, body)
        return { candidate, id, ok: true, errorCode: null, message: null, answer }
      }
      const waitMs = reply.status === 429 ? waitOf(reply.headers) : null
      if (waitMs === null || waitMs > MAX_WAIT_MS || tries === MAX_TRIES || stop.aborted) {
        const error = readError(body)
        const message = error?.message ?? `The server answered ${reply.status} without saying why.`
        return { ...failed, id, errorCode: error?.code ?? String(reply.status), message }
      }
      await sleep(waitMs, stop)
    } catch (error) {
      return { ...failed, id, ...brokenOff(error) }
    }
  }
}

/** A stream that broke ends with an error event, under a status of 200 that was sent long before. */
function errorEvent(body: string): { message: string; code: string } | null {
  const at = body.lastIndexOf('data: {"error"')
  return at < 0 ? null : readError(body.slice(at + 'data: '.length).split(/\r?\n/, 1)[0] ?? '')
}

function brokenOff(error: unknown): { errorCode: string; message: string } {
  if (error instanceof UnreachableError) return { errorCode: 'unreachable', message: error.message }
  if (error instanceof CliError) return { errorCode: 'no_answer', message: error.message }
  // The connection ended, or the time was up, while the answer was read: fetch says both as these.
  if (error instanceof TypeError || error instanceof DOMException) {
    return { errorCode: 'no_answer', message: 'The answer broke off before its end.' }
  }
  throw error
}
