/** Pure: why a run goes slowly, and what runs may have under way, in words, out of what processes told of their upstreams. */

import type { LoadRow } from '../../gateway/load/load-rows.ts'

/** “waits for room at openai: traffic has 18 under way”; null for a run that waits nowhere. */
export function waitsFor(rows: readonly LoadRow[], runId: string): string | null {
  const upstream = rows
    .flatMap(({ upstreams }) => Object.entries(upstreams))
    .find(([, { runs }]) => runs?.waiting.includes(runId) === true)?.[0]
  if (upstream === undefined) return null
  const { waitMs, traffic, runs } = underWayAt(rows, upstream)
  if (waitMs > 0) return `waits ${Math.ceil(waitMs / 1000)} s, as ${upstream} asked`
  const who = traffic > 0 ? `traffic has ${traffic}` : `runs have ${runs}`
  return `waits for room at ${upstream}: ${who} under way`
}

/** One sentence for each upstream at which runs have something to do, by its name. */
export function limitsInWords(rows: readonly LoadRow[]): Map<string, string> {
  const words = new Map<string, string>()
  for (const { upstreams } of rows) {
    for (const [upstream, { runs }] of Object.entries(upstreams)) {
      // Before anybody has looked at it there is no limit.
      if (runs === undefined || runs.limit === 0 || words.has(upstream)) continue
      const has = underWayAt(rows, upstream)
      const limit = Math.floor(runs.limit)
      words.set(
        upstream,
        `bears ${limit} calls at once: traffic has ${has.traffic} under way, runs ${has.runs}`,
      )
    }
  }
  return words
}

function underWayAt(rows: readonly LoadRow[], upstream: string) {
  const has = { traffic: 0, runs: 0, waitMs: 0 }
  for (const { kind, ageMs, upstreams } of rows) {
    const figures = upstreams[upstream]
    if (figures === undefined) continue
    has[kind] += figures.underWay
    has.waitMs = Math.max(has.waitMs, figures.waitMs - ageMs)
  }
  return has
}
