/** A value that must never be printed: every way of turning it into text gives `***`. */

import { inspect } from 'node:util'

export class Secret {
  readonly #value: string
  /** Where it came from, e.g. `env:OPENAI_API_KEY`; safe to print. */
  readonly source: string

  constructor(value: string, source: string) {
    this.#value = value
    this.source = source
  }

  /** The value itself. Call it where the secret is used, never to keep it. */
  reveal(): string {
    return this.#value
  }

  toString(): string {
    return '***'
  }

  toJSON(): string {
    return '***'
  }

  [inspect.custom](): string {
    return `Secret(${this.source})`
  }
}

/** The text with every occurrence of the secret replaced by `***`. */
export function redact(text: string, secret: Secret | null): string {
  return secret === null ? text : text.replaceAll(secret.reveal(), '***')
}
