/**
 * The rounds: each kind of run for one target and then for the next, the order changing each round,
 * so that whatever else the machine does hits all. Never compares figures of different rounds.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { countBetween, percentile } from './histogram.ts'
import type { LoadResult, LoadSpec } from './load.ts'
import { descendants, mainThreadCpuUs, processCpuUs, rssMb } from './proc.ts'
import type { LoadGenerator, Target } from './targets.ts'

/** What one run of one target showed. Times in µs, CPU per completed request. */
export interface Sample {
  requestsPerSecond: number
  completed: number
  failed: number
  firstFailure: string | null
  cpuUs: number
  mainThreadCpuUs: number
  childrenCpuUs: number
  p50Us: number
  p99Us: number
  firstByteP50Us: number
  firstByteP99Us: number
  chunkP50Us: number
  maxUs: number
  /** Share of first bytes after 35 to 50 ms: what Nagle's algorithm waiting for a delayed ACK looks like. */
  cliffShare: number
  peakRssMb: number
  rssMb: number
}

export type RunKind = 'c64' | 'c16' | 'c1' | 'split' | 'burst' | 'paced'
export type Round = Record<RunKind, Sample>

const RUNS: Record<
  RunKind,
  { model: string; stream: boolean; concurrency: number; share: number; split?: boolean }
> = {
  c64: { model: 'bench-json', stream: false, concurrency: 64, share: 1 },
  c16: { model: 'bench-json', stream: false, concurrency: 16, share: 0.5 },
  c1: { model: 'bench-json', stream: false, concurrency: 1, share: 0.5 },
  split: { model: 'bench-json', stream: false, concurrency: 1, share: 0.15, split: true },
  burst: { model: 'bench-burst', stream: true, concurrency: 1, share: 0.5 },
  paced: { model: 'bench-paced', stream: true, concurrency: 1, share: 0.5 },
}
export const RUN_KINDS = Object.keys(RUNS) as RunKind[]

const IDLE_STEP_MS = 100
/** The shipper may rest for half a second between two batches; only longer quiet means that nothing is left to do. */
const QUIET_STEPS = 8
const IDLE_LIMIT_MS = 30_000

function cpuOf(target: Target): { own: number; main: number; children: number } {
  const children = descendants(target.pid).reduce((sum, pid) => sum + processCpuUs(pid), 0)
  return { own: processCpuUs(target.pid), main: mainThreadCpuUs(target.pid), children }
}

/**
 * Waits until the target and its children rest, so that work put off (shipping the log) is counted to the run
 * that caused it and does not disturb the next target's turn.
 */
async function waitUntilIdle(target: Target): Promise<void> {
  let before = cpuOf(target)
  let quiet = 0
  for (let waitedMs = 0; waitedMs < IDLE_LIMIT_MS; waitedMs += IDLE_STEP_MS) {
    await sleep(IDLE_STEP_MS)
    const after = cpuOf(target)
    const restedMostly = after.own + after.children - before.own - before.children <= 10_000
    quiet = restedMostly ? quiet + 1 : 0
    if (quiet >= QUIET_STEPS) return
    before = after
  }
}

function summarise(
  result: LoadResult,
): Omit<Sample, 'cpuUs' | 'mainThreadCpuUs' | 'childrenCpuUs' | 'peakRssMb' | 'rssMb'> {
  return {
    requestsPerSecond: result.completed / result.elapsedSeconds,
    completed: result.completed,
    failed: result.failed,
    firstFailure: result.firstFailure,
    p50Us: percentile(result.latency, 0.5),
    p99Us: percentile(result.latency, 0.99),
    firstByteP50Us: percentile(result.firstByte, 0.5),
    firstByteP99Us: percentile(result.firstByte, 0.99),
    chunkP50Us: percentile(result.perChunk, 0.5),
    maxUs: result.latency.maxUs,
    cliffShare: countBetween(result.firstByte, 35_000, 50_000) / Math.max(1, result.firstByte.total),
  }
}

/** One run against one target, with what it cost there. */
export async function measure(
  load: LoadGenerator,
  target: Target,
  spec: Omit<LoadSpec, 'port' | 'token' | 'headers'>,
): Promise<Sample> {
  let peakRssMb = rssMb(target.pid)
  const watch = setInterval(() => {
    peakRssMb = Math.max(peakRssMb, rssMb(target.pid))
  }, 100)
  const before = cpuOf(target)
  const result = await load.run({
    ...spec,
    model: `${target.modelPrefix}${spec.model}`,
    port: target.port,
    token: target.token,
    headers: target.headers,
  })
  await waitUntilIdle(target)
  const after = cpuOf(target)
  clearInterval(watch)
  const each = (us: number) => us / Math.max(1, result.completed)
  return {
    ...summarise(result),
    cpuUs: each(after.own - before.own),
    mainThreadCpuUs: each(after.main - before.main),
    childrenCpuUs: each(after.children - before.children),
    peakRssMb,
    rssMb: rssMb(target.pid),
  }
}

/** All kinds of run for all targets; `isFlipped` turns the order of the targets round. */
export async function runRound(
  load: LoadGenerator,
  targets: readonly Target[],
  seconds: number,
  isFlipped: boolean,
): Promise<Map<Target, Round>> {
  const ordered = isFlipped ? [...targets].reverse() : targets
  const rounds = new Map(targets.map((target) => [target, {} as Round]))
  for (const kind of RUN_KINDS) {
    const { model, stream, concurrency, share, split } = RUNS[kind]
    for (const target of ordered) {
      const spec = { model, stream, concurrency, seconds: seconds * share, splitRequest: split ?? false }
      const sample = await measure(load, target, spec)
      Object.assign(rounds.get(target) as Round, { [kind]: sample })
    }
  }
  return rounds
}

/** The memory's growth over many requests: least squares over samples after the first fifth, MB per 100,000. */
export async function soak(
  load: LoadGenerator,
  target: Target,
  requests: number,
  progress: (line: string) => void,
): Promise<{ sample: Sample[]; slopeMbPer100k: number; rssMb: number }> {
  const steps = 50
  const points: { sent: number; mb: number }[] = []
  const samples: Sample[] = []
  let sent = 0
  for (let step = 0; step < steps && sent < requests; step += 1) {
    const share = Math.ceil(requests / steps)
    const spec = {
      model: 'bench-json',
      stream: false,
      concurrency: 16,
      seconds: 600,
      requests: Math.min(share, requests - sent),
    }
    const sample = await measure(load, target, spec)
    samples.push(sample)
    sent += sample.completed
    points.push({ sent, mb: sample.rssMb })
    progress(
      `soak ${sent} of ${requests}: ${sample.rssMb.toFixed(1)} MB, ${Math.round(sample.requestsPerSecond)} req/s`,
    )
    if (sample.completed === 0) break
  }
  const late = points.slice(Math.floor(points.length / 5))
  const meanSent = late.reduce((sum, point) => sum + point.sent, 0) / late.length
  const meanMb = late.reduce((sum, point) => sum + point.mb, 0) / late.length
  const spread = late.reduce((sum, point) => sum + (point.sent - meanSent) ** 2, 0)
  const slope = late.reduce((sum, point) => sum + (point.sent - meanSent) * (point.mb - meanMb), 0) / spread
  return { sample: samples, slopeMbPer100k: slope * 100_000, rssMb: points.at(-1)?.mb ?? Number.NaN }
}
