/** Scorers of how long an answer is. */

import { z } from 'zod'
import { verdict } from './outcome.ts'
import type { ScorerKind } from './scorer.ts'
import { wrongSetting } from './settings.ts'

const atLeast = z.int().min(0).optional().describe('at least that many')
const atMost = z.int().min(0).optional().describe('at most that many')

const wordCountSettings = z.strictObject({
  exactly: z.int().min(0).optional().describe('that many and no other number'),
  min: atLeast,
  max: atMost,
})

export const wordCount: ScorerKind<z.output<typeof wordCountSettings>> = {
  kind: 'word-count',
  version: 1,
  summary: 'The answer has as many words as asked for.',
  source: 'promptfoo (word-count: runs without white space).',
  traps:
    'A word is what stands between white space: a dash between blanks is one, and a Chinese paragraph is one. An empty answer has 0 words.',
  values: 'binary',
  better: 'higher',
  settings: wordCountSettings,
  prepare({ exactly, min, max }) {
    if (exactly === undefined && min === undefined && max === undefined) {
      throw wrongSetting('exactly', 'nothing is asked for. Write exactly, min or max.')
    }
    refuseEmptyRange(min, max)
    return ({ output }) => {
      const words = countWords(output)
      const holds = (exactly === undefined || words === exactly) && isBetween(words, min, max)
      const wanted = [
        exactly === undefined ? null : `exactly ${exactly}`,
        min === undefined ? null : `at least ${min}`,
        max === undefined ? null : `at most ${max}`,
      ].filter((one) => one !== null)
      return verdict(holds, `The answer has ${words} words; asked for: ${wanted.join(', ')}.`)
    }
  },
}

const lengthSettings = z.strictObject({
  unit: z.enum(['words', 'characters']).default('words').describe('what is counted'),
  min: atLeast,
  max: atMost,
})

export const length: ScorerKind<z.output<typeof lengthSettings>> = {
  kind: 'length',
  version: 1,
  summary: 'How many words or characters the answer has; passed within the limits, where any are given.',
  source: 'Words as in `word-count`; characters are Unicode code points (The Unicode Standard, 3.4).',
  traps:
    'Shorter is called better, which holds only for answers that are equally good. A character that people see can be several code points. Not tokens: it says nothing about cost. An empty answer has 0.',
  values: 'unbounded',
  better: 'lower',
  settings: lengthSettings,
  prepare({ unit, min, max }) {
    refuseEmptyRange(min, max)
    return ({ output }) => {
      const size = unit === 'words' ? countWords(output) : countCodePoints(output)
      const passed = min === undefined && max === undefined ? null : isBetween(size, min, max)
      return { outcome: 'scored', value: size, passed, reason: `The answer has ${size} ${unit}.` }
    }
  },
}

function refuseEmptyRange(min: number | undefined, max: number | undefined): void {
  if (min === undefined || max === undefined || min <= max) return
  throw wrongSetting('min', `${min} is more than max ${max}, so nothing can pass. Swap them.`)
}

function isBetween(size: number, min = 0, max = Number.POSITIVE_INFINITY): boolean {
  return size >= min && size <= max
}

/** Counted without a list of words, which for 50 MB would take a gigabyte. */
function countWords(text: string): number {
  let words = 0
  let within = false
  for (let at = 0; at < text.length; at += 1) {
    const space = isSpace(text.charCodeAt(at))
    if (within && space) within = false
    else if (!within && !space) {
      within = true
      words += 1
    }
  }
  return words
}

/** What `\s` matches: ECMAScript's WhiteSpace and LineTerminator. */
const WIDE_SPACES = new Set(
  [
    ...'\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000\uFEFF',
  ].map((space) => space.charCodeAt(0)),
)

function isSpace(unit: number): boolean {
  if (unit < 0x80) return unit === 0x20 || (unit >= 0x09 && unit <= 0x0d)
  return WIDE_SPACES.has(unit)
}

/** A pair of surrogates is one, a lone one too. */
function countCodePoints(text: string): number {
  let points = text.length
  for (let at = 1; at < text.length; at += 1) {
    const high = text.charCodeAt(at - 1) >> 10 === 0x36
    if (high && text.charCodeAt(at) >> 10 === 0x37) points -= 1
  }
  return points
}
