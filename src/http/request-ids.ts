/** Ids a caller sends along: its own of the request, echoed and logged, never used as ours; and what it sends again. */

import type { IncomingMessage } from 'node:http'
import { RequestError } from '../errors.ts'
import { hasRole, type VirtualKey } from '../keys/key.ts'
import { idTimeMs } from '../lib/ids.ts'

const PATTERN = /^[\w.:-]{1,128}$/

/** From `x-client-request-id` (OpenAI's name) or `x-request-id`; null when absent or not a plain token. */
export function clientRequestId(incoming: IncomingMessage): string | null {
  const given = incoming.headers['x-client-request-id'] ?? incoming.headers['x-request-id']
  return typeof given === 'string' && PATTERN.test(given) ? given : null
}

const REPLAY_OF = 'x-aval-replay-of'

/**
 * The logged request that this one sends again, undefined when it sends none. Whoever may call models could otherwise
 * write pairs into the log that never were: throws RequestError permission_denied for a key without the role engineer
 * or admin, invalid_value for anything that is no `req_…`. Whether the request exists is not asked; that costs a query.
 */
export function replayOf(incoming: IncomingMessage, key: VirtualKey): string | undefined {
  const given = incoming.headers[REPLAY_OF]
  if (given === undefined) return undefined
  if (!hasRole(key, 'engineer', 'admin')) {
    const message = `The header ${REPLAY_OF} is for keys with the role engineer or admin; this one has ${key.roles.join(', ')}. Leave the header out.`
    throw new RequestError('permission_denied', message, { param: REPLAY_OF })
  }
  const id = String(given)
  if (idTimeMs('req', id) !== null) return id
  const message = `${JSON.stringify(id.slice(0, 100))} in the header ${REPLAY_OF} is no request id. Send one such as aval requests list shows: req_ and 26 letters.`
  throw new RequestError('invalid_value', message, { param: REPLAY_OF })
}
