/** The `traceparent` header. https://www.w3.org/TR/trace-context/#traceparent-header */

export type Traceparent = { traceId: string; spanId: string; traceFlags: number }

/** Null for anything that is not one: all zeros and the version `ff` are none; a later version may say more at its end. */
export function parseTraceparent(text: string): Traceparent | null {
  const [, version = '', traceId = '', spanId = '', flags = '', more] =
    /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.{0,200})?$/.exec(text) ?? []
  if (version === '' || version === 'ff' || (version === '00' && more !== undefined)) return null
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return null
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1 }
}
