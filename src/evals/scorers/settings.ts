/** Settings that several kinds share, and how a kind refuses one that makes no sense. */

import { z } from 'zod'
import { RequestError } from '../../errors.ts'

const MAX_TEXT_CHARS = 100_000
const MAX_TEXTS = 1_000

/** One text, or several; an empty one would be contained in everything. */
export const textSetting = z
  .union([
    z.string().min(1).max(MAX_TEXT_CHARS),
    z.array(z.string().min(1).max(MAX_TEXT_CHARS)).min(1).max(MAX_TEXTS),
  ])
  .optional()
  .describe('a text or a list of texts; left out, what the item expects')

/** From which share on an answer passes. */
export const thresholdSetting = z
  .number()
  .min(0)
  .max(1)
  .optional()
  .describe('passed from this value on; left out, only the number is kept')

/** For what a schema cannot say. `message` names what stands there and what to write. */
export function wrongSetting(setting: string, message: string): RequestError {
  return new RequestError('invalid_value', `${setting}: ${message}`, { param: `settings.${setting}` })
}
