/** Asks one version of an index many questions, a bounded number at once, and keeps which documents it found. */

import { printableLine } from '../../../lib/printable.ts'
import { sleep } from '../../../lib/sleep.ts'
import { type Client, describeError, readError } from '../../client.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { waitOf } from '../../retry-after.ts'

export type Asking = {
  /** Of the version, as `versionPath` gives it. */
  path: string
  questions: readonly { id: string; text: string }[]
  mode: string
  /** Documents for each question. */
  limit: number
  onDone: () => void
}
export type Asked = {
  /** Question id → keys of documents, best first. */
  rankings: Map<string, readonly string[]>
  /** Searches that had to go without words, or without vectors. */
  without: { words: number; vectors: number }
}
type Found = { chunks: { document: { key: string } }[]; without: 'words' | 'vectors' | null }

/** A search takes a core of the server for some milliseconds, and others use it too. */
const AT_ONCE = 4
const ANSWER_TIMEOUT_MS = 60_000
const MAX_WAIT_MS = 60_000
const MAX_TRIES = 6
/** What passes by itself. */
const BUSY = new Set([429, 503])

/**
 * Throws CliError for the first question that gets no answer, also after the server has asked to wait a few times: figures
 * with holes would be figures of something else. Ends early, with CliError, once `stop` aborts.
 */
export async function askQuestions(client: Client, asking: Asking, stop: AbortSignal): Promise<Asked> {
  const asked: Asked = { rankings: new Map(), without: { words: 0, vectors: 0 } }
  const queue = [...asking.questions]
  const ended = new AbortController()
  const anyEnd = AbortSignal.any([stop, ended.signal])
  const work = async (): Promise<void> => {
    while (!anyEnd.aborted) {
      const question = queue.shift()
      if (question === undefined) return
      const { chunks, without } = await askOne(client, asking, question, anyEnd)
      // A document's rank is that of its best chunk.
      asked.rankings.set(question.id, [...new Set(chunks.map(({ document }) => document.key))])
      if (without !== null) asked.without[without] += 1
      asking.onDone()
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, queue.length) }, work))
  } finally {
    // The others begin nothing new after the first that failed.
    ended.abort()
  }
  if (stop.aborted)
    throw new CliError(EXIT.ours, 'Stopped before every question was asked: there are no figures.')
  return asked
}

async function askOne(
  client: Client,
  { path, mode, limit }: Asking,
  { id, text }: { id: string; text: string },
  stop: AbortSignal,
): Promise<Found> {
  const body = { question: text, mode, limit, per_document: 1 }
  for (let tries = 1; ; tries += 1) {
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS)
    const answer = await client.send({ method: 'POST', path: `${path}/search`, body }, signal)
    const reply = await answer.text().catch(() => {
      const message = `Question "${printableLine(id)}": the answer broke off before its end. Ask again.`
      throw new CliError(EXIT.ours, message)
    })
    if (answer.ok) return JSON.parse(reply) as Found
    const waitMs = waitOf(answer.headers)
    const mayPass = BUSY.has(answer.status) && waitMs <= MAX_WAIT_MS && tries < MAX_TRIES && !stop.aborted
    if (!mayPass) throw refusal(id, answer, reply)
    await sleep(waitMs, stop)
  }
}

function refusal(id: string, { status, headers }: Response, reply: string): CliError {
  const error = readError(reply)
  const message = error?.message ?? `The server answered ${status} without saying why.`
  const told = describeError(message, error?.code ?? String(status), headers.get('x-request-id'))
  const exitCode = status >= 400 && status < 429 ? EXIT.usage : EXIT.ours
  return new CliError(exitCode, `Question "${printableLine(id)}": ${told}`)
}
