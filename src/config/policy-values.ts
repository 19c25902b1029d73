/** Values that many lines of a policy have: names and spans of time. */

import { z } from 'zod'
import { parseDurationMs } from '../lib/units.ts'

export const DAY_MS = 86_400_000
const MAX_KEPT_MS = 3650 * DAY_MS
const NAME_RULE = 'a name of lower-case letters, digits and inner hyphens, at most 63 long'
const SPAN = 'a duration such as 30m, 24h or 14d, at most 3650d'

export const name = z.string(NAME_RULE).regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, NAME_RULE)
/** In milliseconds. */
export const span = z.string(SPAN).transform((text, context) => {
  const ms = parseDurationMs(text)
  if (ms !== null && ms > 0 && ms <= MAX_KEPT_MS) return ms
  context.addIssue({ code: 'custom', message: SPAN })
  return z.NEVER
})
