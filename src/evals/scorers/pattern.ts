/** A scorer for regular expressions, which people write and RE2 runs. */

import { z } from 'zod'
import { compileLinearRegex } from '../../lib/linear-regex.ts'
import { MAX_ANALYSED_CHARS, tooLong, verdict } from './outcome.ts'
import type { ScorerKind } from './scorer.ts'
import { wrongSetting } from './settings.ts'

const settings = z.strictObject({
  pattern: z.string().min(1).describe('in RE2 syntax; flags as (?i), (?m), (?s) at its start'),
  whole: z
    .boolean()
    .default(false)
    .describe('the pattern has to match the answer from its first to its last character'),
})

export const regex: ScorerKind<z.output<typeof settings>> = {
  kind: 'regex',
  version: 1,
  summary: 'The pattern matches somewhere in the answer.',
  source: 'RE2, https://github.com/google/re2/wiki/Syntax; promptfoo (regex).',
  traps:
    'RE2 has neither lookaround nor backreferences, and `.` does not match a line end without (?s). A pattern that can match nothing, such as `a*`, matches every answer, the empty one too. Longer than a million characters abstains.',
  values: 'binary',
  better: 'higher',
  settings,
  prepare({ pattern, whole }) {
    const compiled = compileLinearRegex(pattern, 'allowed')
    if ('expected' in compiled) {
      throw wrongSetting('pattern', `a text where ${compiled.expected} is expected.`)
    }
    return ({ output }) => {
      if (output.length > MAX_ANALYSED_CHARS) return tooLong('The answer', output.length, MAX_ANALYSED_CHARS)
      const holds = whole ? compiled.matches(output) : compiled.test(output)
      const where = whole ? 'the whole answer' : 'the answer'
      return verdict(holds, `The pattern ${holds ? 'matches' : 'does not match'} ${where}.`)
    }
  },
}
