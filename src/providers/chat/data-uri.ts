/** Takes a base64 `data:` URI (RFC 2397) apart. Never decodes the payload. */

import { wrongValue } from './fields.ts'

/** `data` stays base64. Throws RequestError('invalid_value') when the URI is not base64 or its type is missing. */
export function parseDataUri(uri: string, param: string): { mediaType: string; data: string } {
  const comma = uri.indexOf(',')
  const head = comma < 0 ? '' : uri.slice(0, comma)
  const match = /^data:([a-z0-9.+-]+\/[a-z0-9.+-]+)(?:;[^;,]*)*;base64$/i.exec(head)
  const mediaType = match?.[1]
  if (mediaType === undefined || comma + 1 === uri.length) {
    throw wrongValue(
      param,
      `${param} must look like data:image/png;base64,… with a media type and base64 data.`,
    )
  }
  return { mediaType: mediaType.toLowerCase(), data: uri.slice(comma + 1) }
}
