/** Pure: one upstream as a worker sees it, out of what all processes told of it. */

import type { LoadRow, ToldFigures } from '../../gateway/load/load-rows.ts'
import type { Others, Seen } from './limit.ts'

/** How many answers each process had told of at the last look, by process and upstream. */
export type Before = { atMs: number; answered: ReadonlyMap<string, number> }

export type View = {
  seen: Seen
  /** Runs of other workers. */
  others: Others
  /** What other workers take it to bear; null when none has runs there. */
  limit: number | null
  /** Until when it wants to be left alone, by `monotonicMs`. */
  waitUntilMs: number
}

type Told = { row: LoadRow; figures: ToldFigures }

/** `rows` are those of all processes, the own one among them. */
export function viewOf(
  rows: readonly LoadRow[],
  { process, upstream, nowMs, before }: { process: string; upstream: string; nowMs: number; before: Before },
): View {
  const told = rows.flatMap((row): Told[] => {
    const figures = row.upstreams[upstream]
    return figures === undefined ? [] : [{ row, figures }]
  })
  const traffic = told.filter(({ row }) => row.kind === 'traffic')
  const runs = told.filter(({ row }) => row.kind === 'runs')
  const others = runs.filter(({ row }) => row.process !== process)
  const limits = others.flatMap(({ figures }) => (figures.runs === undefined ? [] : [figures.runs.limit]))
  const known = limits.filter((limit) => limit > 0)
  return {
    seen: {
      nowMs,
      traffic: sum(traffic, ({ figures }) => figures.underWay),
      runs: sum(runs, ({ figures }) => figures.underWay),
      wanted: sum(runs, wantedOf),
      answered: sum(told, ({ row, figures }) => answeredSince(before, `${row.process} ${upstream}`, figures)),
      complainedAtMs: most(told, ({ row, figures }) =>
        figures.complainedMs === null ? null : nowMs - row.ageMs - figures.complainedMs,
      ),
    },
    others: others.map((one) => ({ underWay: one.figures.underWay, wanted: wantedOf(one) })),
    limit: known.length === 0 ? null : Math.min(...known),
    waitUntilMs: most(told, ({ row, figures }) =>
      figures.waitMs === 0 ? null : nowMs - row.ageMs + figures.waitMs,
    ),
  }
}

function wantedOf({ figures }: Told): number {
  return Math.max(figures.underWay, figures.runs?.wanted ?? 0)
}

/** A process that was not there before has answered nobody knows when. */
function answeredSince({ answered }: Before, key: string, figures: ToldFigures): number {
  const before = answered.get(key)
  return before === undefined ? 0 : Math.max(0, figures.answered - before)
}

function sum(told: readonly Told[], of: (one: Told) => number): number {
  return told.reduce((total, one) => total + of(one), 0)
}

/** Never and not at all where none says anything. */
function most(told: readonly Told[], of: (one: Told) => number | null): number {
  return Math.max(Number.NEGATIVE_INFINITY, ...told.map((one) => of(one) ?? Number.NEGATIVE_INFINITY))
}
