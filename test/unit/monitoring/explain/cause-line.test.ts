/** How causes are told in one line, and which traffic is taken for usual. */

import { describe, expect, test } from 'vitest'
import { causeLine, type ToldExplanation } from '../../../../src/lib/cause-line.ts'
import {
  changedSpan,
  chooseBaseline,
  justBefore,
  weekBefore,
} from '../../../../src/monitoring/explain/baseline.ts'

const at = (time: string) => Date.parse(`2026-11-23T${time}:00Z`)
const WEEK_MS = 7 * 86_400_000
const clock = (ms: number) => new Date(ms).toISOString().slice(11, 16)

const COST: ToldExplanation = {
  beganAtMs: at('13:40'),
  measure: 'cost_per_request',
  base: 100,
  difference: 22,
  unit: 'micro_usd',
  causes: [
    { cause: 'output_tokens', amount: 19 },
    { cause: 'mix', amount: 3 },
  ],
  changes: [
    { kind: 'release', atMs: at('13:38'), target: 'support-answer@r14', text: 'production moved to r14' },
    { kind: 'price', atMs: at('09:00'), target: 'price_1', text: 'new price of openai/gpt-4o' },
  ],
}

describe('a line of causes', () => {
  test('names the largest, the price of a cost always, and what it began with', () => {
    expect(causeLine(COST, clock)).toBe('output tokens +19 %, mix +3 %, price 0   began with r14 (13:38)')
  })

  test('says when it began where nothing was changed within half an hour', () => {
    expect(causeLine({ ...COST, beganAtMs: at('14:30') }, clock)).toMatch(/ {3}began 14:30$/)
    expect(causeLine({ ...COST, changes: COST.changes.slice(1) }, clock)).toMatch(/ {3}began 13:40$/)
    expect(causeLine({ ...COST, causes: [] }, clock)).toBe('began with r14 (13:38)')
  })

  test('tells shares in points, what fell with a minus, and parts of nothing as parts of the change', () => {
    const told = (given: Partial<ToldExplanation>) =>
      causeLine({ ...COST, measure: null, changes: [], ...given }, clock).split('   ')[0]
    expect(told({ unit: 'share', causes: [{ cause: 'timeout', amount: 0.08 }] })).toBe('timeouts +8.0 points')
    expect(told({ causes: [{ cause: 'speed', amount: -30 }] })).toBe('speed −30 %')
    expect(told({ causes: [{ cause: 'queue', amount: 0.2 }] })).toBe('queue 0')
    expect(told({ base: 0, difference: 4, causes: [{ cause: 'volume', amount: 4 }] })).toBe(
      'volume 100 % of it',
    )
  })
})

describe('the window before', () => {
  const span = (from: string, to: string) => ({ fromMs: at(from), toMs: at(to) })
  const busy = { after: 1000, justBefore: 1000, weekBefore: 1000 }

  test('of a change is what it changed, in whole minutes, five at least and a day at most', () => {
    expect(changedSpan(at('13:40') + 12_345, at('14:10') + 1)).toEqual(span('13:40', '14:11'))
    expect(changedSpan(at('14:10'), at('14:10'))).toEqual(span('14:05', '14:10'))
    expect(changedSpan(at('14:10') - 3 * 86_400_000, at('14:10'))).toEqual({
      fromMs: at('14:10') - 86_400_000,
      toMs: at('14:10'),
    })
  })

  test('is as long, and ends where the change began, however late it was noticed', () => {
    expect(justBefore(span('13:40', '14:10'), at('13:40'))).toEqual(span('13:10', '13:40'))
    expect(justBefore(span('14:05', '14:10'), at('14:09'))).toEqual(span('14:00', '14:05'))
    expect(weekBefore(span('13:40', '14:10'), false).toMs).toBe(at('14:10') - WEEK_MS)
    expect(weekBefore(span('08:40', '14:10'), false)).toEqual({
      fromMs: at('08:00') - WEEK_MS,
      toMs: at('14:00') - WEEK_MS,
    })
    expect(weekBefore(span('08:40', '14:10'), true).toMs).toBe(at('14:10') - WEEK_MS)
  })

  test.each([
    ['just_before', 'a short window, whose hours are much the same', '13:00', '14:00', busy, false],
    ['week_before', 'a long one, before which were other hours', '08:00', '14:00', busy, false],
    ['week_before', 'how much is asked, which has its hours', '13:00', '14:00', busy, true],
    [
      'just_before',
      'a long one without traffic a week ago',
      '08:00',
      '14:00',
      { ...busy, weekBefore: 49 },
      false,
    ],
    ['week_before', 'nothing asked right before', '13:00', '14:00', { ...busy, justBefore: 0 }, false],
  ] as const)('is %s for %s', (kind, _what, from, to, requests, isVolume) => {
    expect(chooseBaseline(span(from, to), requests, isVolume).kind).toBe(kind)
  })
})
