/** What the data plane tells of requests: plain values, each event one call. Metrics and traces are made of nothing else. */

/** Known before anything is decided upstream. */
export type RequestSeen = {
  /** `req_…` */
  id: string
  operation: string
  /** Wall time of the first byte, milliseconds. */
  receivedAtMs: number
  /** A name of aval.yaml or of the registry; null for a call that names an upstream itself. */
  route: string | null
  /** `r13`; null without one. */
  release: string | null
  stream: boolean
  /** True for a request that Aval sends for itself beside an app's: no caller waits for it. */
  shadow: boolean
  /** The W3C header as it came, unchecked. */
  traceparent: string | null
}

/** One outbound call. Times in milliseconds from the start of the request. */
export type AttemptSeen = {
  upstream: string
  model: string
  startedMs: number
  durationMs: number
  /** HTTP status; null when there was none. */
  status: number | null
  /** Our code; null for the attempt that succeeded. */
  error: string | null
}

/** The part of the log's CLOSE that telemetry may know: no text of callers or upstreams but the model's id. */
export type RequestEnded = {
  outcome: string
  status: number
  errorCode: string | null
  upstream: string | null
  model: string | null
  attempts: readonly AttemptSeen[]
  /** Null where the upstream said nothing: unknown is never 0. */
  usage: {
    inputTokens: number | null
    outputTokens: number | null
    cachedInputTokens: number | null
    reasoningTokens: number | null
  } | null
  finishReason: string | null
  ttftMs: number | null
  durationMs: number
  /** Absent is unknown. */
  costMicroUsd?: number
  retrieval?: { durationMs: number; without: string | null }
}

/** No call throws or takes time: they stand on the way of every request. */
export type RequestObserver = {
  /** A request was admitted; `left` follows however it ends. */
  began(): void
  left(): void
  /** Once for each request, refused ones included, when its end goes to the log. */
  ended(seen: RequestSeen, ended: RequestEnded): void
  /** This error stands for a request that the log could not take, or not as surely as was promised; one whose end was logged has had `ended` too. */
  unlogged(code: string): void
  /** A model call without a valid key. */
  unauthenticated(): void
  /** The W3C header by which an upstream goes on with the trace, of the attempt that is about to go out; counted from 0. Absent without a trace. */
  traceparent?(seen: RequestSeen, attempt: number): string
}

const nothing = (): void => {}

export const NO_OBSERVER: RequestObserver = {
  began: nothing,
  left: nothing,
  ended: nothing,
  unlogged: nothing,
  unauthenticated: nothing,
}

/** Tells each in turn. */
export function observers(...all: readonly RequestObserver[]): RequestObserver {
  const [first, ...others] = all
  if (first === undefined) return NO_OBSERVER
  if (others.length === 0) return first
  const tracing = all.find((one) => one.traceparent !== undefined)
  return {
    began: () => all.forEach((one) => void one.began()),
    left: () => all.forEach((one) => void one.left()),
    ended: (seen, ended) => all.forEach((one) => void one.ended(seen, ended)),
    unlogged: (code) => all.forEach((one) => void one.unlogged(code)),
    unauthenticated: () => all.forEach((one) => void one.unauthenticated()),
    ...(tracing?.traceparent !== undefined && { traceparent: tracing.traceparent }),
  }
}
