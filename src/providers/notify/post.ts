/**
 * Posts JSON to an address of aval.yaml. The operator named the host, so it may be of this machine or its network; a redirect would
 * lead where somebody else says, and is not followed.
 */

import { Agent, type Dispatcher, request } from 'undici'
import { percentDecoded } from '../../lib/percent.ts'
import { printableLine } from '../../lib/printable.ts'
import { NOTIFY_TIMEOUT_MS, type Notified } from './outcome.ts'

type Posting = { url: string; headers: Readonly<Record<string, string>>; body: string }
export type Poster = {
  /** Never rejects. */
  post(posting: Posting): Promise<Notified>
  close(): Promise<void>
}

/** Of an answer: more is not read, and the connection goes with it. */
const MAX_ANSWER_BYTES = 16 * 1024
const MAX_NOTE_LETTERS = 200
const MIN_SECRET_LETTERS = 8
/** Of those that say "your mistake", the ones that another time may mend: too slow, too early, too often. */
const TEMPORARY: ReadonlySet<number> = new Set([408, 425, 429])

/** Opens no connection before the first message. */
export function createPoster({ timeoutMs = NOTIFY_TIMEOUT_MS }: { timeoutMs?: number } = {}): Poster {
  const dispatcher = new Agent({ connect: { timeout: timeoutMs }, maxHeaderSize: 32 * 1024, pipelining: 0 })
  return {
    post: async (posting) => {
      const signal = AbortSignal.timeout(timeoutMs)
      const { host } = new URL(posting.url)
      try {
        const { url, headers, body } = posting
        const sent = { 'content-type': 'application/json', 'user-agent': 'aval', ...headers }
        const answer = await request(url, { dispatcher, method: 'POST', headers: sent, body, signal })
        return judge(host, answer.statusCode, withoutPath(await readSome(answer, signal), url))
      } catch (error) {
        if (signal.aborted)
          return { outcome: 'retry', note: `${host} did not answer within ${timeoutMs / 1000} s.` }
        return { outcome: 'retry', note: `${host} cannot be reached (${reasonOf(error)}).` }
      }
    },
    close: () => dispatcher.destroy(),
  }
}

function judge(host: string, status: number, words: string): Notified {
  if (status >= 200 && status < 300) return { outcome: 'sent', note: null }
  const said = words === '' ? '' : `: ${words}`
  if (status >= 300 && status < 400) {
    return {
      outcome: 'retry',
      note: `${host} redirects (${status}), which is not followed. Give the address itself in aval.yaml.`,
    }
  }
  const isFinal = status >= 400 && status < 500 && !TEMPORARY.has(status)
  return { outcome: isFinal ? 'refused' : 'retry', note: `${host} answered ${status}${said}` }
}

/** How an answer begins, on one line; what cannot be read any more is left out, for its status stands. */
async function readSome({ body }: Dispatcher.ResponseData, signal: AbortSignal): Promise<string> {
  const parts: Buffer[] = []
  let bytes = 0
  const stop = () => body.destroy()
  signal.addEventListener('abort', stop, { once: true })
  try {
    for await (const part of body) {
      parts.push(part as Buffer)
      bytes += (part as Buffer).length
      if (bytes > MAX_ANSWER_BYTES) break
    }
  } catch {
    // Its status has come.
  } finally {
    signal.removeEventListener('abort', stop)
  }
  const text = Buffer.concat(parts).toString('utf8', 0, MAX_ANSWER_BYTES)
  return printableLine(text.trim())
}

/**
 * Error pages repeat what was asked for, whole or in part, and any part of a webhook's path may be all the secret it has. Parts that
 * are shorter than a secret are words of their own, and stay.
 */
function withoutPath(words: string, url: string): string {
  const { pathname, search } = new URL(url)
  const parts = [...pathname.split('/'), ...search.slice(1).split(/[&=]/)]
  const hidden = [pathname, search, ...parts.filter((part) => part.length >= MIN_SECRET_LETTERS)]
    .flatMap((part) => [
      part,
      percentDecoded(part) ?? part,
      percentDecoded(part.replaceAll('+', ' ')) ?? part,
    ])
    .filter((part) => part.length > 1)
    .toSorted((one, other) => other.length - one.length)
  return hidden.reduce((text, part) => text.replaceAll(part, '***'), words).slice(0, MAX_NOTE_LETTERS)
}

function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string }
  return code ?? message ?? 'no answer'
}
