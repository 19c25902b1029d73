/** Signatures of webhooks after the Standard Webhooks specification, https://www.standardwebhooks.com (symmetric, `v1`). Pure. */

import { createHmac } from 'node:crypto'
import { decodeBase64 } from './base64.ts'

const PREFIX = 'whsec_'
/** As the specification has them: of fewer bytes a key can be guessed, of more nothing is gained. */
const MIN_BYTES = 24
const MAX_BYTES = 64

/** The key of a secret as it is written, `whsec_` and base64 of 24 to 64 bytes; null for any other text. */
export function webhookKey(secret: string): Buffer | null {
  if (!secret.startsWith(PREFIX)) return null
  const key = decodeBase64(secret.slice(PREFIX.length))
  return key !== null && key.length >= MIN_BYTES && key.length <= MAX_BYTES ? key : null
}

/** The header `webhook-signature`: HMAC-SHA256 over `id.seconds.body`, the bytes of the body as they are sent. */
export function signWebhook(
  key: Buffer,
  { id, seconds, body }: { id: string; seconds: number; body: string },
): string {
  return `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`
}
