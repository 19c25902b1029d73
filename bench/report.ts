/** Turns rounds into the figures of the benchmark, its bars and its table. Pure. */
import { median } from './histogram.ts'
import type { Round, RunKind, Sample } from './measure.ts'

export interface Figure {
  key: string
  label: string
  unit: string
  values: number[]
  /** The value must be at most, or at least, this. */
  bar?: { atMost: number } | { atLeast: number }
}

const CLIFF_RUNS = ['c1', 'split', 'burst', 'paced'] as const

const ms = (us: number) => us / 1_000

function pairs(
  reference: readonly Round[],
  aval: readonly Round[],
  kind: RunKind,
  combine: (aval: Sample, reference: Sample) => number,
): number[] {
  return aval.map((round, index) => combine(round[kind], (reference[index] as Round)[kind]))
}

/** Absolute figures of one target; keys start with its name. */
export function absoluteFigures(name: string, rounds: readonly Round[]): Figure[] {
  const all = (kind: RunKind, of: (sample: Sample) => number) => rounds.map((round) => of(round[kind]))
  const figure = (key: string, label: string, unit: string, values: number[]): Figure => ({
    key: `${name}_${key}`,
    label: `${name}: ${label}`,
    unit,
    values,
  })
  return [
    figure(
      'rps_c64',
      'throughput, 64 at once',
      'req/s',
      all('c64', (run) => run.requestsPerSecond),
    ),
    figure(
      'rps_c16',
      'throughput, 16 at once',
      'req/s',
      all('c16', (run) => run.requestsPerSecond),
    ),
    figure(
      'p99_c64_ms',
      'latency p99, 64 at once',
      'ms',
      all('c64', (run) => ms(run.p99Us)),
    ),
    figure(
      'p50_ms',
      'latency p50, one at a time',
      'ms',
      all('c1', (run) => ms(run.p50Us)),
    ),
    figure(
      'p99_ms',
      'latency p99, one at a time',
      'ms',
      all('c1', (run) => ms(run.p99Us)),
    ),
    figure(
      'cpu_us',
      'CPU per request, 64 at once',
      'µs',
      all('c64', (run) => run.cpuUs),
    ),
    figure(
      'main_thread_cpu_us',
      '  of it the main thread',
      'µs',
      all('c64', (run) => run.mainThreadCpuUs),
    ),
    figure(
      'children_cpu_us',
      '  its child processes, beside it',
      'µs',
      all('c64', (run) => run.childrenCpuUs),
    ),
    figure(
      'stream_cpu_us',
      'CPU per stream of 64 chunks',
      'µs',
      all('burst', (run) => run.cpuUs),
    ),
    figure(
      'ttft_p50_ms',
      'first token p50',
      'ms',
      all('burst', (run) => ms(run.firstByteP50Us)),
    ),
    figure(
      'ttft_p99_ms',
      'first token p99',
      'ms',
      all('burst', (run) => ms(run.firstByteP99Us)),
    ),
    figure(
      'chunk_p50_ms',
      'chunk in transit p50',
      'ms',
      all('paced', (run) => ms(run.chunkP50Us)),
    ),
    figure(
      'peak_rss_mb',
      'memory, highest',
      'MB',
      rounds.map((round) => Math.max(...Object.values(round).map((run) => run.peakRssMb))),
    ),
  ]
}

/** What the gateway adds, round by round against the reference of the same round, with the bars it must keep. */
export function comparedFigures(reference: readonly Round[], aval: readonly Round[]): Figure[] {
  const of = (kind: RunKind, combine: (aval: Sample, reference: Sample) => number) =>
    pairs(reference, aval, kind, combine)
  const added = (
    field: 'p50Us' | 'p99Us' | 'firstByteP50Us' | 'firstByteP99Us' | 'chunkP50Us',
    kind: RunKind,
  ) => of(kind, (ours, theirs) => ms(ours[field] - theirs[field]))
  // One request at a time only: at 64 at once a wait of 40 ms may be an honest queue.
  const cliff = Math.max(...aval.flatMap((round) => CLIFF_RUNS.map((kind) => round[kind].cliffShare)))
  return [
    {
      key: 'throughput_ratio',
      label: 'throughput, 64 at once',
      unit: 'x',
      values: of('c64', (ours, theirs) => ours.requestsPerSecond / theirs.requestsPerSecond),
      bar: { atLeast: 0.65 },
    },
    {
      key: 'throughput_ratio_c16',
      label: 'throughput, 16 at once',
      unit: 'x',
      values: of('c16', (ours, theirs) => ours.requestsPerSecond / theirs.requestsPerSecond),
      bar: { atLeast: 0.65 },
    },
    {
      key: 'cpu_ratio',
      label: 'CPU per request',
      unit: 'x',
      values: of('c64', (ours, theirs) => ours.cpuUs / theirs.cpuUs),
      bar: { atMost: 1.5 },
    },
    {
      key: 'added_cpu_us',
      label: 'CPU added per request',
      unit: 'µs',
      values: of('c64', (ours, theirs) => ours.cpuUs - theirs.cpuUs),
      bar: { atMost: 150 },
    },
    {
      key: 'p99_ratio',
      label: 'latency p99, 64 at once',
      unit: 'x',
      values: of('c64', (ours, theirs) => ours.p99Us / theirs.p99Us),
    },
    {
      key: 'p99_ratio_c1',
      label: 'latency p99, one at a time',
      unit: 'x',
      values: of('c1', (ours, theirs) => ours.p99Us / theirs.p99Us),
    },
    {
      key: 'added_p50_ms',
      label: 'latency added p50',
      unit: 'ms',
      values: added('p50Us', 'c1'),
      bar: { atMost: 0.35 },
    },
    {
      key: 'added_p99_ms',
      label: 'latency added p99',
      unit: 'ms',
      values: added('p99Us', 'c1'),
      bar: { atMost: 1.5 },
    },
    {
      key: 'added_ttft_p50_ms',
      label: 'first token added p50',
      unit: 'ms',
      values: added('firstByteP50Us', 'burst'),
    },
    {
      key: 'added_ttft_p99_ms',
      label: 'first token added p99',
      unit: 'ms',
      values: added('firstByteP99Us', 'burst'),
      bar: { atMost: 2 },
    },
    {
      key: 'per_chunk_p50_ms',
      label: 'added per chunk p50',
      unit: 'ms',
      values: added('chunkP50Us', 'paced'),
      bar: { atMost: 0.1 },
    },
    {
      key: 'stream_cpu_ratio',
      label: 'CPU per stream of 64 chunks',
      unit: 'x',
      values: of('burst', (ours, theirs) => ours.cpuUs / theirs.cpuUs),
    },
    {
      key: 'rss_mb',
      label: 'memory, highest',
      unit: 'MB',
      values: [Math.max(...aval.flatMap((round) => Object.values(round).map((run) => run.peakRssMb)))],
      bar: { atMost: 150 },
    },
    {
      key: 'cliff_share',
      label: 'first bytes after 35 to 50 ms, worst run',
      unit: 'x',
      values: [cliff],
      bar: { atMost: 0.01 },
    },
  ]
}

/** Aval against Portkey's gateway, round by round. Keys start with `portkey_`. */
export function portkeyFigures(portkey: readonly Round[], aval: readonly Round[]): Figure[] {
  return [
    {
      key: 'portkey_throughput_ratio',
      label: "throughput, 64 at once, Aval / Portkey's gateway",
      unit: 'x',
      values: pairs(
        portkey,
        aval,
        'c64',
        (ours, theirs) => ours.requestsPerSecond / theirs.requestsPerSecond,
      ),
      bar: { atLeast: 4 },
    },
  ]
}

/** What the log takes from Aval, round by round. Keys start with `log_`. */
export function logFigures(unlogged: readonly Round[], aval: readonly Round[]): Figure[] {
  return [
    {
      key: 'log_throughput_loss',
      label: 'throughput that the log takes, 64 at once',
      unit: 'x',
      values: pairs(
        unlogged,
        aval,
        'c64',
        (ours, without) => 1 - ours.requestsPerSecond / without.requestsPerSecond,
      ),
      bar: { atMost: 0.15 },
    },
    {
      key: 'log_added_us',
      label: 'CPU that the log takes',
      unit: 'µs',
      values: pairs(unlogged, aval, 'c64', (ours, without) => ours.cpuUs - without.cpuUs),
    },
  ]
}

export function holdsBar(figure: Figure): boolean | null {
  if (figure.bar === undefined) return null
  const value = median(figure.values)
  return 'atMost' in figure.bar ? value <= figure.bar.atMost : value >= figure.bar.atLeast
}

function shown(value: number): string {
  if (!Number.isFinite(value)) return '-'
  return Math.abs(value) >= 100
    ? value.toFixed(0)
    : Math.abs(value) >= 10
      ? value.toFixed(1)
      : value.toFixed(3)
}

/** An aligned table: median, lowest and highest round, bar, pass or miss. */
export function table(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const verdict = holdsBar(figure)
    const bar =
      figure.bar === undefined
        ? ''
        : 'atMost' in figure.bar
          ? `<= ${figure.bar.atMost}`
          : `>= ${figure.bar.atLeast}`
    return [
      figure.label,
      shown(median(figure.values)),
      figure.unit,
      figure.values.length > 1
        ? `${shown(Math.min(...figure.values))} to ${shown(Math.max(...figure.values))}`
        : '',
      bar,
      verdict === null ? '' : verdict ? 'pass' : 'MISS',
    ]
  })
  const all = [['', 'median', '', 'spread', 'bar', ''], ...rows]
  const widths = (all[0] as string[]).map((_, column) =>
    Math.max(...all.map((row) => (row[column] ?? '').length)),
  )
  const isNumber = (column: number) => column === 1
  return all
    .map((row) =>
      row
        .map((cell, column) =>
          isNumber(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** The medians under their keys, rounded to what they can carry. */
export function asObject(figures: readonly Figure[]): Record<string, number | null> {
  return Object.fromEntries(
    figures.map((figure) => {
      const value = median(figure.values)
      return [figure.key, Number.isFinite(value) ? Number(value.toPrecision(5)) : null]
    }),
  )
}
