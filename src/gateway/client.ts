/** The caller's side of one exchange, as the data plane sees it; `http` implements it over Node's raw response. */

export type Client = {
  /** True once the connection is gone before the answer was finished. */
  readonly gone: boolean
  /** Writes status and headers; once. */
  start(status: number, headers: Readonly<Record<string, string>>): void
  /** False when the client reads slowly: stop until `onDrain`. */
  write(bytes: Buffer): boolean
  end(bytes: Buffer | null): void
  /** At most one listener each; later calls replace it. */
  onDrain(listener: () => void): void
  onGone(listener: () => void): void
}
