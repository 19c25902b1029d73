import { describe, expect, test } from 'vitest'
import {
  BURST_MS,
  firstLimit,
  type Limit,
  nextLimit,
  roomOf,
  type Seen,
} from '../../../../src/evals/runs/limit.ts'

const NEVER = Number.NEGATIVE_INFINITY
const seen = (more: Partial<Seen> = {}): Seen => ({
  nowMs: 100_000,
  traffic: 0,
  runs: 0,
  wanted: 64,
  answered: 0,
  complainedAtMs: NEVER,
  ...more,
})

describe('the limit of an upstream', () => {
  test('begins with what is borne already and half of what the runs want', () => {
    const others = [{ underWay: 3, wanted: 8 }]

    expect(firstLimit(seen({ traffic: 18 }), others, 8).calls).toBe(25)
    expect(firstLimit(seen(), [], 1).calls).toBe(1)
  })

  test('grows by one with each round of as many answers as calls, in one look or in many', () => {
    let limit: Limit = { calls: 4, complainedAtMs: NEVER }
    const rounds = [4, 5, 6, 7].map((answered) => {
      limit = nextLimit(limit, seen({ answered }))
      return Math.round(limit.calls)
    })
    const atOnce = nextLimit({ calls: 4, complainedAtMs: NEVER }, seen({ answered: 4 + 5 + 6 + 7 })).calls

    expect(rounds).toEqual([5, 6, 7, 8])
    expect(atOnce).toBeCloseTo(limit.calls, 9)
  })

  test('never grows beyond what traffic and runs want together', () => {
    const limit = { calls: 20, complainedAtMs: NEVER }

    expect(nextLimit(limit, seen({ traffic: 18, wanted: 4, answered: 1_000 })).calls).toBe(22)
    expect(nextLimit(limit, seen({ traffic: 2, wanted: 4, answered: 1_000 })).calls).toBe(20)
  })

  test('is halved once for each burst of complaints, from what was under way, and never below one', () => {
    let limit: Limit = { calls: 32, complainedAtMs: NEVER }
    const calls = [0, 10, BURST_MS - 1, BURST_MS, 2 * BURST_MS, 3 * BURST_MS, 4 * BURST_MS].map((atMs) => {
      limit = nextLimit(limit, seen({ nowMs: atMs, complainedAtMs: atMs, traffic: 12, runs: 12 }))
      return limit.calls
    })

    expect(calls).toEqual([12, 12, 12, 6, 3, 1.5, 1])
  })

  test('does not grow while the upstream complains, and is what is under way once it has been quiet', () => {
    const halved = { calls: 12, complainedAtMs: 0 }
    const at = (nowMs: number) =>
      nextLimit(halved, seen({ nowMs, traffic: 18, runs: 1, answered: 12, complainedAtMs: 0 })).calls

    expect([at(2_999), Math.round(at(3_000)), at(10_000)]).toEqual([12, 13, 19])
  })
})

describe('the room of one worker', () => {
  test('is what traffic leaves, and one call when it leaves nothing', () => {
    expect([0, 6, 11, 12, 18].map((traffic) => roomOf({ calls: 12 }, traffic, []))).toEqual([12, 6, 1, 1, 1])
  })

  test('is a fair share of that, and what others do not want', () => {
    const idle = (wanted: number) => ({ underWay: 0, wanted })

    expect(roomOf({ calls: 12 }, 0, [idle(64)])).toBe(6)
    expect(roomOf({ calls: 12 }, 0, [idle(2)])).toBe(10)
    expect(roomOf({ calls: 12 }, 0, [idle(1), idle(64)])).toBe(5)
  })

  test('is not taken before the others have come down to their share', () => {
    expect(roomOf({ calls: 12 }, 0, [{ underWay: 12, wanted: 64 }])).toBe(1)
    expect(roomOf({ calls: 12 }, 0, [{ underWay: 8, wanted: 64 }])).toBe(4)
  })
})

/**
 * An upstream that refuses what goes beyond `capacity`, two workers and traffic, second by second. Each worker looks at what
 * the other had under way in the second before, and every call under way is answered within a second.
 */
function simulate(
  seconds: number,
  { capacity, traffic }: { capacity: number; traffic: (second: number) => number },
) {
  const workers = [
    { wanted: 64, underWay: 1, limit: { calls: 40, complainedAtMs: NEVER } as Limit },
    { wanted: 64, underWay: 1, limit: { calls: 2, complainedAtMs: NEVER } as Limit },
  ]
  const rows: { second: number; rooms: number[]; limits: number[]; complained: boolean }[] = []
  let complainedAtMs = NEVER
  let answered = 0
  for (let second = 0; second < seconds; second += 1) {
    const apps = traffic(second)
    const before = workers.map(({ underWay, wanted }) => ({ underWay, wanted }))
    const runs = before.reduce((sum, { underWay }) => sum + underWay, 0)
    for (const [at, worker] of workers.entries()) {
      const others = before.filter((_, other) => other !== at)
      const now = seen({ nowMs: second * 1_000, traffic: apps, runs, wanted: 128, answered, complainedAtMs })
      worker.limit = nextLimit(worker.limit, now)
      worker.underWay = roomOf(worker.limit, apps, others)
    }
    const all = apps + workers.reduce((sum, { underWay }) => sum + underWay, 0)
    const complained = all > capacity
    if (complained) complainedAtMs = second * 1_000
    answered = Math.min(all, capacity)
    const rooms = workers.map(({ underWay }) => underWay)
    rows.push({ second, rooms, limits: workers.map(({ limit }) => limit.calls), complained })
  }
  return rows
}

describe('two workers and traffic at one upstream', () => {
  test('come to one limit and to equal shares, wherever they began', () => {
    const rows = simulate(600, { capacity: 30, traffic: () => 6 })
    const late = rows.slice(300)
    const mean = (of: (row: (typeof rows)[number]) => number) =>
      late.reduce((sum, row) => sum + of(row), 0) / late.length

    expect(Math.max(...late.map(({ limits: [a = 0, b = 0] }) => Math.abs(a - b)))).toBeLessThan(0.01)
    expect(mean(({ rooms }) => rooms[0] ?? 0)).toBeCloseTo(
      mean(({ rooms }) => rooms[1] ?? 0),
      0,
    )
    // Most of what there is beside the traffic is used, and the upstream complains in few of the seconds.
    expect(mean(({ rooms: [a = 0, b = 0] }) => a + b)).toBeGreaterThan(0.6 * 24)
    expect(late.filter(({ complained }) => complained).length).toBeLessThan(0.25 * late.length)
  })

  test('go down to a call each while traffic is at the limit, and come back when it is gone', () => {
    const rows = simulate(300, {
      capacity: 30,
      traffic: (second) => (second >= 100 && second < 200 ? 30 : 6),
    })
    const most = (from: number, to: number) => Math.max(...rows.slice(from, to).flatMap(({ rooms }) => rooms))

    expect(most(50, 100)).toBeGreaterThan(5)
    expect(most(101, 200)).toBe(1)
    expect(most(240, 300)).toBeGreaterThan(5)
  })
})
