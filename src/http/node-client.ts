/** The gateway's Client over Node's raw response: no Response objects, no web streams. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Client } from '../gateway/client.ts'
import { endAfterRequest } from './linger.ts'

export class NodeClient implements Client {
  readonly #incoming: IncomingMessage
  readonly #outgoing: ServerResponse
  #gone = false
  #onDrain: (() => void) | null = null
  #onGone: (() => void) | null = null

  constructor(incoming: IncomingMessage, outgoing: ServerResponse) {
    this.#incoming = incoming
    this.#outgoing = outgoing
    outgoing.on('close', () => {
      if (outgoing.writableFinished) return
      this.#gone = true
      this.#onGone?.()
    })
  }

  get gone(): boolean {
    return this.#gone
  }

  start(status: number, headers: Readonly<Record<string, string>>): void {
    if (this.#gone) return
    this.#outgoing.writeHead(status, headers)
  }

  write(bytes: Buffer): boolean {
    if (this.#gone) return true
    return this.#outgoing.write(bytes)
  }

  end(bytes: Buffer | null): void {
    if (this.#gone) return
    if (bytes === null) this.#outgoing.end()
    else if (this.#incoming.complete) this.#outgoing.end(bytes)
    else endAfterRequest(this.#incoming, this.#outgoing, bytes)
  }

  onDrain(listener: () => void): void {
    if (this.#onDrain === null) this.#outgoing.on('drain', () => this.#onDrain?.())
    this.#onDrain = listener
  }

  onGone(listener: () => void): void {
    this.#onGone = listener
    if (this.#gone) listener()
  }
}
