/** Rows of the log summed up by place and time. Pure: the same rows in any order, in any batches, come to the same sums. */

import { createHash } from 'node:crypto'
import type { Outcome } from '../../audit/record.ts'
import { type SketchColumn, SUM_COLUMNS, type SumColumn } from './columns.ts'
import type { Place } from './figures.ts'
import { type Bins, learnBin, learnBins } from './sketch.ts'

/** `app`: traffic. `shadow`: mirrored calls. `replay`: sent again. `suite`: what runs and judges asked. */
type Origin = 'app' | 'shadow' | 'replay' | 'suite'

/** What is read of a request. */
export type LogRow = Place & {
  origin: Origin
  startedAtMs: number
  operation: string
  outcome: Outcome
  stream: boolean
  finishReason: string | null
  durationMs: number
  ttftMs: number | null
  /** When the last attempt was sent, from the start of the request; null when none was. */
  sentMs: number | null
  inputTokens: number | null
  outputTokens: number | null
  cachedInputTokens: number | null
  reasoningTokens: number | null
  costMicroUsd: number | null
  /** How many refused requests the row stands for. */
  occurrences: number
}

/** Sums of one place and one minute, hour or day; `at` is its beginning in milliseconds. */
export type Cell = { at: number; place: CellPlace; sums: Record<SumColumn, number> } & Record<
  SketchColumn,
  Bins
>
/** `id`: a UUID made of the hash of the rest. */
export type CellPlace = Place & { origin: Origin; id: string }

const MINUTE_MS = 60_000
const US_PER_MS = 1000

/** One cell for each place and minute that the rows have. */
export function cellsOf(rows: readonly LogRow[]): Cell[] {
  const places = new Map<string, CellPlace>()
  const cells: Cells = new Map()
  for (const row of rows) {
    const name = nameOf(row)
    let place = places.get(name)
    if (place === undefined) {
      place = placeOf(row)
      places.set(name, place)
    }
    addRow(cellAt(cells, place, Math.floor(row.startedAtMs / MINUTE_MS) * MINUTE_MS), row)
  }
  return listOf(cells)
}

/** The same sums in wider cells: of an hour or a day, `ms` long, counted in UTC. */
export function widen(cells: readonly Cell[], ms: number): Cell[] {
  const wide: Cells = new Map()
  for (const cell of cells) {
    const into = cellAt(wide, cell.place, Math.floor(cell.at / ms) * ms)
    for (const column of SUM_COLUMNS) into.sums[column] += cell.sums[column]
    learnBins(into.latency, cell.latency)
    learnBins(into.ttft, cell.ttft)
    learnBins(into.ms_per_output_token, cell.ms_per_output_token)
  }
  return listOf(wide)
}

/** By place, then by time: numbers and objects are found faster than texts made of both. */
type Cells = Map<CellPlace, Map<number, Cell>>

function cellAt(cells: Cells, place: CellPlace, at: number): Cell {
  let ofPlace = cells.get(place)
  if (ofPlace === undefined) {
    ofPlace = new Map()
    cells.set(place, ofPlace)
  }
  let cell = ofPlace.get(at)
  if (cell === undefined) {
    cell = { at, place, sums: noSums(), latency: new Map(), ttft: new Map(), ms_per_output_token: new Map() }
    ofPlace.set(at, cell)
  }
  return cell
}

/** In the order of an index by time and place, which takes rows in its own order with fewer pages touched. */
function listOf(cells: Cells): Cell[] {
  return [...cells.values()]
    .flatMap((ofPlace) => [...ofPlace.values()])
    .sort((one, other) => one.at - other.at)
}

function addRow({ sums, ...sketches }: Cell, row: LogRow): void {
  sums.requests += row.occurrences
  sums[row.outcome] += row.occurrences
  if (row.finishReason === 'content_filter') sums.filtered += 1
  if (row.finishReason === 'length') sums.cut += 1
  // A request that was refused before any upstream used nothing and cost nothing: that is known.
  if (row.upstream !== null) {
    addTokens(sums, row)
    addCost(sums, row)
  }
  if (row.outcome === 'completed') addTimes({ sums, ...sketches }, row)
}

function addTokens(sums: Cell['sums'], row: LogRow): void {
  const outputTokens = outputOf(row)
  if (row.inputTokens === null || outputTokens === null) {
    sums.untold += 1
    return
  }
  sums.told += 1
  sums.input_tokens += row.inputTokens
  sums.output_tokens += outputTokens
  sums.cached_input_tokens += row.cachedInputTokens ?? 0
  sums.reasoning_tokens += row.reasoningTokens ?? 0
}

/** An embedding has no output, which no upstream says. */
function outputOf({ operation, outputTokens }: LogRow): number | null {
  return outputTokens ?? (operation === 'embeddings' ? 0 : null)
}

function addCost(sums: Cell['sums'], { costMicroUsd }: LogRow): void {
  if (costMicroUsd === null) {
    sums.unpriced += 1
    return
  }
  sums.priced += 1
  sums.cost_micro_usd += costMicroUsd
}

/** Microseconds are whole, so that the parts of a duration add up to it exactly in whatever order they are summed. */
function addTimes({ sums, ...sketches }: Omit<Cell, 'at' | 'place'>, row: LogRow): void {
  const { durationMs, ttftMs, sentMs, outputTokens } = row
  learnBin(sketches.latency, durationMs)
  if (!row.stream || ttftMs === null) return
  learnBin(sketches.ttft, ttftMs)
  if (outputTokens === null || sentMs === null) return
  // Of n tokens n − 1 come after the first: "time per output token" of <https://arxiv.org/abs/2401.09670>, §2.
  if (outputTokens > 1) learnBin(sketches.ms_per_output_token, (durationMs - ttftMs) / (outputTokens - 1))
  const duration = microseconds(durationMs)
  const first = Math.min(microseconds(ttftMs), duration)
  const sent = Math.min(microseconds(sentMs), first)
  sums.timed += 1
  sums.queue_us += sent
  sums.first_token_us += first - sent
  sums.generation_us += duration - first
  sums.timed_output_tokens += outputTokens
}

function microseconds(ms: number): number {
  return Number.isFinite(ms) ? Math.max(0, Math.floor(ms * US_PER_MS + 0.5)) : 0
}

/** No two places have the same name: no text of the log holds the character 0. Much cheaper than JSON. */
function nameOf(row: LogRow): string {
  const text = (value: string | null) => value ?? '\0n'
  const who = `${row.projectId}\0,${row.origin}\0,${text(row.keyId)}`
  const what = `${text(row.route)}\0,${text(row.releaseId)}\0,${text(row.prompt)}`
  return `${who}\0,${what}\0,${text(row.upstream)}\0,${text(row.model)}\0,${text(row.price)}`
}

function placeOf(row: LogRow): CellPlace {
  const { projectId, origin, route, releaseId, prompt, upstream, model, keyId, price } = row
  const place = { projectId, origin, route, releaseId, prompt, upstream, model, keyId, price }
  const id = createHash('sha256')
    .update(JSON.stringify(Object.values(place)))
    .digest('hex')
    .slice(0, 32)
  return { id, ...place }
}

function noSums(): Record<SumColumn, number> {
  return {
    requests: 0,
    completed: 0,
    client_abort: 0,
    upstream_error: 0,
    upstream_cut: 0,
    timeout: 0,
    rejected: 0,
    guardrail: 0,
    gateway_crash: 0,
    filtered: 0,
    cut: 0,
    told: 0,
    untold: 0,
    input_tokens: 0,
    cached_input_tokens: 0,
    output_tokens: 0,
    reasoning_tokens: 0,
    cost_micro_usd: 0,
    priced: 0,
    unpriced: 0,
    timed: 0,
    queue_us: 0,
    first_token_us: 0,
    generation_us: 0,
    timed_output_tokens: 0,
  }
}
