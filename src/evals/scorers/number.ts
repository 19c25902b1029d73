/** A scorer of numbers in prose: the answer of a calculation against the right one, within a tolerance. */

import { z } from 'zod'
import type { JsonValue } from '../../lib/json.ts'
import { nothingExpected } from './expected.ts'
import { failed, verdict } from './outcome.ts'
import { numberReader } from './read-numbers.ts'
import type { ScorerKind } from './scorer.ts'

/** Numbers are read from that many characters at the end (or the beginning) of the answer. */
const MAX_READ_CHARS = 100_000

const settings = z.strictObject({
  value: z
    .union([z.number(), z.string().min(1), z.array(z.union([z.number(), z.string().min(1)])).min(1)])
    .optional()
    .describe('a number, a text that holds one, or several that are right; left out, what the item expects'),
  take: z.enum(['last', 'first', 'only']).default('last').describe('which number of a text counts'),
  after: z
    .string()
    .min(1)
    .optional()
    .describe('only what follows the last such text counts, as `####` in GSM8K'),
  decimal: z.enum(['.', ',']).default('.').describe('what stands before the decimals'),
  percent: z.enum(['as-written', 'hundredths']).default('as-written').describe('whether 50% is 50 or 0.5'),
  absolute: z.number().min(0).default(0).describe('how far off is still right'),
  relative: z.number().min(0).default(0).describe('the same as a share of the expected number'),
})

export const number: ScorerKind<z.output<typeof settings>> = {
  kind: 'number',
  version: 1,
  summary: 'The last number of the answer is the expected one, within a tolerance.',
  source:
    'GSM8K, Cobbe et al. 2021, https://arxiv.org/abs/2110.14168 (the answer after ####, commas left out). Right when |answer − expected| ≤ max(absolute, relative · |expected|), as PEP 485 discusses for a known expected value.',
  traps:
    'The last number may be a year, a footnote or a unit ("m2" is left out, "2 m" is not): prefer a prompt that fixes the form, and `after`. Words (five), fractions (1/2 is two numbers) and units are not understood. 1,234 is a thousand or one and a bit: `decimal` decides. An answer without a number fails, the empty one too. Only the last (or first) 100,000 characters are read.',
  values: 'binary',
  better: 'higher',
  settings,
  prepare({ value, take, after, decimal, percent, absolute, relative }) {
    const read = numberReader({ decimal, percent })
    const pick = (text: string): number | null => {
      const numbers = read(text)
      if (take === 'only' && numbers.length > 1) return null
      return (take === 'last' ? numbers.at(-1) : numbers[0]) ?? null
    }
    return ({ output, expected }) => {
      const source: JsonValue = value ?? expected
      if (source === null) return nothingExpected()
      const ideals = (Array.isArray(source) ? source : [source]).map((one) =>
        typeof one === 'number' ? one : pick(behindMark(String(one), after) ?? String(one)),
      )
      const known = ideals.filter((one) => one !== null)
      if (known.length === 0 || known.length < ideals.length) {
        return failed('What is expected holds no number, or not one alone. Write the number.')
      }
      const answered = pick(within(behindMark(output, after) ?? '', take === 'last'))
      if (answered === null) return verdict(false, noNumber(take, after))
      const holds = known.some(
        (one) => Math.abs(answered - one) <= Math.max(absolute, relative * Math.abs(one)),
      )
      const reason = `The answer says ${answered}, expected is ${known.slice(0, 5).join(' or ')}.`
      return verdict(holds, reason, { answered })
    }
  },
}

function noNumber(take: string, after: string | undefined): string {
  const where = after === undefined ? 'in the answer' : `after ${JSON.stringify(after)}`
  return `There is ${take === 'only' ? 'no number, or more than one,' : 'no number'} ${where}.`
}

/** What follows the last mark, the whole without a mark to look for, null when it is not there. */
function behindMark(text: string, mark: string | undefined): string | null {
  if (mark === undefined) return text
  const at = text.lastIndexOf(mark)
  return at < 0 ? null : text.slice(at + mark.length)
}

/** What of a long text is read. A number that the cut goes through is left out. */
function within(text: string, fromEnd: boolean): string {
  if (text.length <= MAX_READ_CHARS) return text
  return fromEnd
    ? text.slice(-MAX_READ_CHARS).replace(/^\S+/, '')
    : text.slice(0, MAX_READ_CHARS).replace(/\S+$/, '')
}
