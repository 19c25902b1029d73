/** Hostile texts: what detectors read grows with the length of the text and with nothing else. Counted, not timed. */

import { describe, expect, test } from 'vitest'
import { createPrefilter, createScan, type Finding } from '../../../../src/audit/redact/detectors.ts'
import { createPatternScan } from '../../../../src/audit/redact/user-patterns.ts'
import { REDACTED_KINDS } from '../../../../src/lib/redaction-rules.ts'
import { redactorFor } from './values.ts'

const BYTES = 8_000
/** What is read of each byte at most, whatever the text: beginnings of several kinds, each looked at for itself. */
const MAX_READS_PER_BYTE = 40

/** The same bytes, and a count of what is read of them: one by one, or as the length of what is cut or decoded. */
function counted(bytes: Buffer): { bytes: Buffer; reads: () => number } {
  let reads = 0
  const proxy = new Proxy(bytes, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value === 'number' && name !== 'length') reads += 1
      if (typeof value !== 'function') return value
      return (...given: unknown[]) => {
        const result: unknown = value.apply(target, given)
        if (typeof result === 'string') reads += result.length
        // What is cut out is searched up to the first dashes only, or handed to RE2 whole.
        if (Buffer.isBuffer(result))
          reads += result.indexOf('-----') < 0 ? result.length : result.indexOf('-----')
        return result
      }
    },
  })
  return { bytes: proxy, reads: () => reads }
}

const HOSTILE = [
  'sk-',
  'sk-proj-',
  'glpat-',
  'xoxb-',
  'github_pat_',
  'AIza-',
  'AKIA ',
  'vk_',
  'eyJhbGciOjF9.',
  'eyJ-',
  'eyJhbGciOiJIUzI1NiJ9.',
  '-----BEGIN PRIVATE KEY-----',
  '-----BEGIN PRIVATE KEY-----\nabcd',
  '-----',
  '----------B',
  '4',
  '4 ',
  '4444 ',
  '4111-',
  '444 444 4',
  'DE89',
  'LC55 HEMM ',
  'LC55HEMM000100010012001200023015',
  'a@',
  'a@b.',
  'a.',
  '@',
  '+1',
  '+1 ',
  '+49 1 ',
  '\\n',
  '\\u0073k-',
  '"',
  'é',
]

function readsOf(unit: string, length: number, final: boolean): number {
  const { bytes, reads } = counted(Buffer.from(unit.repeat(length / unit.length)))
  const found: Finding[] = []
  createPrefilter(REDACTED_KINDS)(bytes)
  createScan(REDACTED_KINDS)({ bytes, from: 0, floor: 0, to: bytes.length, final, runs: null }, found)
  return reads()
}

describe('a text made of nothing but', () => {
  test.each(HOSTILE)('%j costs as many reads as it is long', (unit) => {
    const once = readsOf(unit, BYTES, true)
    const twice = readsOf(unit, BYTES * 2, true)

    expect(once).toBeGreaterThan(0)
    expect(twice).toBeLessThan(once * 2.2 + 200)
    expect(twice).toBeLessThan(BYTES * 2 * MAX_READS_PER_BYTE)
  })

  test('one word, however long, is read a few times', () => {
    expect(readsOf('a', BYTES, false)).toBeLessThan(BYTES * 4)
    expect(readsOf('eyJ'.padEnd(BYTES, 'a'), BYTES, false)).toBeLessThan(BYTES * 4)
  })
})

test('the counter would notice a detector that reads to the end from everywhere', () => {
  const { bytes, reads } = counted(Buffer.alloc(100, 'a'))

  for (let at = 0; at < bytes.length; at += 1)
    for (let end = at; end < bytes.length && bytes[end] === 0x61; ) end += 1

  expect(reads()).toBe(5050)
})

describe('a pattern of the configuration', () => {
  test.each(['(a+)+$', '(a|aa)+b', 'a.*b.*c', '(?:a{1,20}){1,20}b', 'a|a.*b'])(
    '%s gives RE2 no more than its length a few times',
    (regex) => {
      const given = (length: number) => {
        const { bytes, reads } = counted(Buffer.alloc(length, 'x'))
        createPatternScan('a', regex)({ bytes, from: 0, floor: 0, to: length, final: true, runs: null }, [])
        return reads()
      }

      const [once, twice] = [given(BYTES), given(BYTES * 2)]

      expect(twice).toBeLessThan(once * 2.2)
      expect(twice).toBeLessThan(BYTES * 2 * 2)
    },
  )

  test.each(['(a+)+$', '(a|aa)+$', '([a-z]+)*!', '(a*)*b'])(
    '%s comes to an end on what takes a backtracking engine years',
    (regex) => {
      const pattern = { name: 'evil', regex, action: 'mask' } as const
      const text = `${'a'.repeat(5000)}?`

      const { found } = redactorFor('off', [pattern]).redact(Buffer.from(JSON.stringify({ text })))

      expect(found?.evil ?? 0).toBeLessThan(100)
    },
  )
})
