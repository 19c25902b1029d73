import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type DayPartition,
  firstKeptDay,
  parsePartition,
  planDrops,
} from '../../../src/audit/retention/plan.ts'
import {
  parseTombstone,
  sameRows,
  splitTombstone,
  type Tombstone,
  type TombstoneWriter,
  tombstoneCovers,
  tombstoneDetail,
} from '../../../src/audit/retention/tombstone.ts'

const DAY_MS = 86_400_000
const NOW = Date.UTC(2026, 10, 25, 14, 5)
const WRITER = '0193f0d2-0000-7000-8000-000000000000'
const OTHER = '0193f0d2-0000-7000-8000-000000000001'

function dropped(changes: Partial<TombstoneWriter> = {}): TombstoneWriter {
  return { writer: WRITER, fromSeq: 10, toSeq: 20, rows: 4, records: 9, root: 'ab'.repeat(32), ...changes }
}

function tombstone(changes: Partial<Tombstone> = {}): Tombstone {
  return {
    table: 'requests',
    day: '2026-08-01',
    policy: 'pci: 400 days',
    writers: [dropped()],
    rows: 4,
    ...changes,
  }
}

describe('a tombstone', () => {
  test('explains the records of its writer within its range, both ends included', () => {
    const explained = [9, 10, 15, 20, 21].map((seq) => tombstoneCovers(tombstone(), WRITER, seq))

    expect(explained).toEqual([false, true, true, true, false])
    expect(tombstoneCovers(tombstone(), OTHER, 15)).toBe(false)
  })

  test('of bodies explains no missing row', () => {
    expect(tombstoneCovers(tombstone({ table: 'request_bodies' }), WRITER, 15)).toBe(false)
  })

  test('reads back from the log as it was', () => {
    const count = fc.nat(1_000_000)
    const writer = fc
      .record({ writer: fc.uuid(), from: count, more: count, rows: count, records: count })
      .map(({ writer: id, from, more, rows, records }) =>
        dropped({ writer: id, fromSeq: from, toSeq: from + more, rows, records }),
      )
    fc.assert(
      fc.property(fc.array(writer, { maxLength: 5 }), count, (writers, rows) => {
        const original = tombstone({ writers, rows })

        const read = parseTombstone(JSON.parse(JSON.stringify(tombstoneDetail(original))))

        expect(read).toEqual(original)
      }),
    )
  })

  test.each<[string, unknown]>([
    ['nothing', null],
    ['an empty object', {}],
    ['another table', { ...tombstoneDetail(tombstone()), table: 'projects' }],
    ['a day that is none', { ...tombstoneDetail(tombstone()), day: 'yesterday' }],
    ['a range backwards', { ...tombstoneDetail(tombstone()), writers: [{ ...dropped(), from: 9, to: 8 }] }],
    ['a root that is no digest', tombstoneDetail(tombstone({ writers: [dropped({ root: 'x' })] }))],
    ['a count below zero', tombstoneDetail(tombstone({ rows: -1 }))],
  ])('with %s is none', (_what, detail) => {
    expect(parseTombstone(detail)).toBeNull()
  })

  test('is the same as another of the same rows under another policy, and no other', () => {
    expect(sameRows(tombstone(), tombstone({ policy: 'default: 90 days' }))).toBe(true)
    expect(sameRows(tombstone(), tombstone({ writers: [dropped({ root: 'cd'.repeat(32) })] }))).toBe(false)
    expect(sameRows(tombstone(), tombstone({ table: 'request_bodies' }))).toBe(false)
  })

  test('of very many writers becomes several that together say the same', () => {
    const writers = Array.from({ length: 2500 }, (_none, at) => dropped({ fromSeq: at, toSeq: at, rows: 1 }))

    const parts = splitTombstone(tombstone({ writers, rows: 2500 }))

    expect(parts.map(({ rows }) => rows)).toEqual([1000, 1000, 500])
    expect(parts.flatMap((part) => part.writers)).toEqual(writers)
  })
})

describe('the plan', () => {
  const partitions = ['2026-08-25', '2026-08-26', '2026-08-27', '2026-10-01'].flatMap((day): DayPartition[] =>
    (['requests', 'request_bodies'] as const).map((table) => ({
      table,
      day,
      name: `${table}_${day.replaceAll('-', '')}`,
    })),
  )
  const planned = (days: number, bodyDays = days) =>
    planDrops(partitions, { profile: 'default', days, bodyDays }, NOW).map(({ name }) => name)

  test('keeps a day until its last row is as old as the policy says', () => {
    expect(firstKeptDay(NOW, 90)).toBe('2026-08-27')
    expect(planned(90)).toEqual([
      'request_bodies_20260825',
      'requests_20260825',
      'request_bodies_20260826',
      'requests_20260826',
    ])
  })

  test('lets bodies go earlier than their rows', () => {
    expect(planned(92, 91)).toEqual(['request_bodies_20260825'].concat(planned(92)))
  })

  test('never takes what is younger, whatever the policy and the time', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4000 }), fc.nat(20_000 * DAY_MS), (days, nowMs) => {
        const made = firstKeptDay(nowMs, days)

        const oldestLastMs = Math.max(0, Date.parse(`${made}T00:00:00Z`))

        // The last moment of the day before is at least `days` old, the first of this day less than `days + 1`.
        if (nowMs >= days * DAY_MS) expect(nowMs - oldestLastMs).toBeGreaterThanOrEqual(days * DAY_MS)
        expect(nowMs - oldestLastMs).toBeLessThan((days + 1) * DAY_MS)
      }),
    )
  })

  test('knows daily partitions by their names', () => {
    expect(parsePartition('request_bodies_20260131')).toEqual({
      table: 'request_bodies',
      day: '2026-01-31',
      name: 'request_bodies_20260131',
    })
    expect(['requests_default', 'requests_2026', 'x_requests_20260131'].map(parsePartition)).toEqual([
      null,
      null,
      null,
    ])
  })
})
