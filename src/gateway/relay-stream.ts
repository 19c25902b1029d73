/**
 * One streaming call seen from the gateway: whole events go to the client as they come, the last one is held. Resolves,
 * never rejects; `committed` says whether the client has seen a byte of it.
 */

import { UpstreamError } from '../errors.ts'
import type {
  Operation,
  ProviderCall,
  ProviderHandle,
  ProviderHead,
  ProviderSink,
} from '../providers/provider.ts'
import { type AttemptResult, errorInside, MAX_DETAIL_BYTES, malformed } from './attempt.ts'
import type { Client } from './client.ts'
import type { PlannedTarget } from './plan.ts'
import { StreamTap } from './stream-tap.ts'

/** Hops on the way drop a connection that is silent for a minute; a comment between events keeps it open. */
const KEEP_ALIVE_MS = 15_000
const KEEP_ALIVE = Buffer.from(': keep-alive\n\n')
/** How long an upstream may take to close its side after its last event before we do; closing loses the connection. */
const LINGER_MS = 1000

/** What a relayed stream reports while it runs. */
export type StreamObserver = {
  /** Right before the first byte goes to the client: time to send status and headers. */
  onCommit(head: ProviderHead): void
  onBytes(bytes: Buffer): void
}

/** Relays a stream: whole events go to the client at once, the last one is held for the caller to send. */
export function relayStream(
  target: PlannedTarget,
  call: ProviderCall,
  client: Client,
  observer: StreamObserver,
  stripUsage: boolean,
): Promise<AttemptResult> {
  return new Promise((resolve) => {
    const relay = new StreamRelay(target, call.operation, client, observer, stripUsage, resolve)
    relay.handle = target.upstream.provider.call(call, relay)
    client.onGone(() => relay.leave())
    client.onDrain(() => relay.handle?.resume())
  })
}

class StreamRelay implements ProviderSink {
  handle: ProviderHandle | null = null
  readonly #target: PlannedTarget
  readonly #client: Client
  readonly #observer: StreamObserver
  readonly #resolve: (result: AttemptResult) => void
  readonly #tap: StreamTap
  #head: ProviderHead | null = null
  #committed = false
  #settled = false
  #keepAlive: NodeJS.Timeout | null = null
  #linger: NodeJS.Timeout | null = null
  /** What comes in place of a stream, once the head has said so. */
  #stray: Buffer[] | null = null
  #strayBytes = 0

  constructor(
    target: PlannedTarget,
    operation: Operation,
    client: Client,
    observer: StreamObserver,
    stripUsage: boolean,
    resolve: (result: AttemptResult) => void,
  ) {
    this.#target = target
    this.#client = client
    this.#observer = observer
    this.#resolve = resolve
    this.#tap = new StreamTap(operation, stripUsage)
  }

  onHead(head: ProviderHead): void {
    this.#head = head
    if (head.contentType !== '' && !/^text\/event-stream\b/i.test(head.contentType)) this.#stray = []
  }

  onData(chunk: Buffer): void {
    if (this.#stray !== null) {
      this.#stray.push(chunk)
      this.#strayBytes += chunk.length
      if (this.#strayBytes >= MAX_DETAIL_BYTES) this.#refuseStray()
      return
    }
    this.#pass(this.#tap.push(chunk))
    // The answer is whole now, whenever the upstream closes its side; some never do.
    if (this.#answered()) this.#linger ??= setTimeout(() => this.handle?.abort(), LINGER_MS)
  }

  onEnd(): void {
    if (this.#stray !== null) {
      this.#refuseStray()
      return
    }
    if (this.#linger !== null) clearTimeout(this.#linger)
    this.#pass(this.#tap.end())
    if (this.#settled || this.#answered()) return
    const message = `Upstream "${this.#target.upstream.name}" closed its stream before the end of the answer.`
    this.#fail(new UpstreamError('upstream_cut', message, { retryable: true }))
  }

  onError(error: UpstreamError): void {
    if (this.#stray !== null) {
      this.#refuseStray()
      return
    }
    if (this.#linger !== null) clearTimeout(this.#linger)
    this.#fail(error)
  }

  /** The upstream sent something else than a stream; its first words go to the log. */
  #refuseStray(): void {
    if (this.#settled) return
    const said = Buffer.concat(this.#stray ?? []).toString('utf8', 0, MAX_DETAIL_BYTES)
    this.handle?.abort()
    this.#fail(malformed(this.#target, `${this.#head?.contentType} where a stream was asked for`, said))
  }

  /** Settles once the terminal event has been seen; true when it has. */
  #answered(): boolean {
    const { terminal, usage, finishReason } = this.#tap
    if (terminal === null || this.#head === null) return false
    this.#settle({ kind: 'answered', answer: { head: this.#head, last: terminal, usage, finishReason } })
    return true
  }

  #pass(ready: Buffer | null): void {
    if (ready !== null) this.#send(ready)
    const { fault } = this.#tap
    if (fault === null || this.#settled) return
    this.handle?.abort()
    this.#fail(
      fault.kind === 'malformed'
        ? malformed(this.#target, 'a stream with a broken event', fault.detail)
        : errorInside(this.#target, fault.detail),
    )
  }

  leave(): void {
    this.handle?.abort()
    this.#settle({ kind: 'aborted', usage: this.#tap.usage })
  }

  #send(bytes: Buffer): void {
    if (!this.#committed && this.#head !== null) {
      this.#committed = true
      this.#observer.onCommit(this.#head)
      // Only whole events have been written, so a comment never lands inside one.
      this.#keepAlive = setInterval(() => this.#client.write(KEEP_ALIVE), KEEP_ALIVE_MS)
    }
    this.#keepAlive?.refresh()
    this.#observer.onBytes(bytes)
    if (!this.#client.write(bytes)) this.handle?.pause()
  }

  #fail(error: UpstreamError): void {
    this.#settle({ kind: 'failed', error, committed: this.#committed, usage: this.#tap.usage })
  }

  #settle(result: AttemptResult): void {
    this.#settled = true
    if (this.#keepAlive !== null) clearInterval(this.#keepAlive)
    this.#resolve(result)
  }
}
