/** The header by which an upstream goes on with a request's trace. Pure. */

import type { ProviderCall } from './provider.ts'

/** What aval.yaml says of the same header stands. */
export function withTrace(
  headers: Record<string, string>,
  { traceparent }: Pick<ProviderCall, 'traceparent'>,
): Record<string, string> {
  return traceparent === undefined ? headers : { traceparent, ...headers }
}
