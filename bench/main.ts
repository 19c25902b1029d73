/**
 * `npm run bench`: what Aval costs, against the least a Node process can cost, in the same minutes on the same machine.
 * Never prints a figure of a run in which a request failed or a log row was missing without saying so.
 */
import { cpus } from 'node:os'
import { measure, type Round, RUN_KINDS, runRound, type Sample, soak } from './measure.ts'
import { type BenchOptions, HELP, readOptions } from './options.ts'
import { startPortkey } from './portkey.ts'
import {
  absoluteFigures,
  asObject,
  comparedFigures,
  type Figure,
  holdsBar,
  logFigures,
  portkeyFigures,
  table,
} from './report.ts'
import { countRows, waitForRows } from './request-log.ts'
import { startScratchDatabase } from './scratch-database.ts'
import {
  type LoadGenerator,
  startAval,
  startLoadGenerator,
  startMock,
  startReference,
  type Target,
} from './targets.ts'

const progress = (line: string) => void process.stderr.write(`${line}\n`)

interface Outcome {
  rounds: Map<Target, Round[]>
  /** Requests Aval was sent and answered, warm-up included. */
  sent: number
  failures: string[]
  rows: number | null
  drainMs: number | null
  soak: { slopeMbPer100k: number; rssMb: number } | null
}

function account(outcome: Outcome, target: Target, samples: readonly Sample[]): void {
  for (const sample of samples) {
    if (target.log !== null) outcome.sent += sample.completed + sample.failed
    if (sample.failed > 0)
      outcome.failures.push(`${target.name}: ${sample.failed} failed, first: ${sample.firstFailure}`)
  }
}

async function warmUp(load: LoadGenerator, target: Target, seconds: number, outcome: Outcome): Promise<void> {
  for (const [model, stream] of [
    ['bench-json', false],
    ['bench-burst', true],
  ] as const) {
    account(outcome, target, [await measure(load, target, { model, stream, concurrency: 16, seconds })])
  }
}

async function runAll(
  options: BenchOptions,
  load: LoadGenerator,
  targets: readonly Target[],
): Promise<Outcome> {
  const rounds = new Map(targets.map((target) => [target, [] as Round[]]))
  const outcome: Outcome = { rounds, sent: 0, failures: [], rows: null, drainMs: null, soak: null }
  const aval = targets.find((target) => target.log !== null)
  const rowsBefore = aval?.log ? await countRows(aval.log) : 0
  for (const target of targets) {
    progress(
      `warm-up    ${target.name} (ready after ${Math.round(target.readyAfterMs)} ms, pid ${target.pid})`,
    )
    await warmUp(load, target, Math.max(0.5, options.seconds / 2), outcome)
  }
  for (let round = 0; round < options.rounds; round += 1) {
    const measured = await runRound(load, targets, options.seconds, round % 2 === 1)
    for (const [target, samples] of measured) {
      outcome.rounds.get(target)?.push(samples)
      account(outcome, target, Object.values(samples))
      const { c64, c1 } = samples
      progress(
        `round ${round + 1}/${options.rounds}  ${target.name.padEnd(9)} ${Math.round(c64.requestsPerSecond)} req/s, ` +
          `${c64.cpuUs.toFixed(0)} µs CPU, p50 ${c1.p50Us.toFixed(0)} µs, p99 ${c1.p99Us.toFixed(0)} µs`,
      )
    }
  }
  const soaked = aval ?? targets[0]
  if (options.soakRequests > 0 && soaked !== undefined) {
    const { sample, ...growth } = await soak(load, soaked, options.soakRequests, progress)
    account(outcome, soaked, sample)
    outcome.soak = growth
  }
  if (aval?.log) {
    progress('counting   rows in the log')
    const settled = await waitForRows(aval.log, rowsBefore + outcome.sent)
    outcome.rows = settled.rows - rowsBefore
    outcome.drainMs = settled.waitedMs
    if (outcome.rows !== outcome.sent) {
      outcome.failures.push(`the log holds ${outcome.rows} rows for ${outcome.sent} requests sent`)
    }
  }
  return outcome
}

function figuresOf(outcome: Outcome): { compared: Figure[]; absolute: Figure[] } {
  const entries = [...outcome.rounds]
  const of = (name: Target['name']) => entries.find(([target]) => target.name === name)?.[1]
  const reference = of('reference')
  const aval = of('aval')
  const portkey = of('portkey')
  const unlogged = of('unlogged')
  const compared = reference && aval ? comparedFigures(reference, aval) : []
  if (portkey && aval) compared.push(...portkeyFigures(portkey, aval))
  if (unlogged && aval) compared.push(...logFigures(unlogged, aval))
  if (outcome.soak !== null) {
    const label = 'memory growth per 100,000 requests'
    // A leak of 10 bytes a request would be 1 MB here; the collector's own noise stays below it.
    const bar = { atMost: 1 }
    compared.push({
      key: 'rss_slope_mb_per_100k',
      label,
      unit: 'MB',
      values: [outcome.soak.slopeMbPer100k],
      bar,
    })
  }
  return { compared, absolute: entries.flatMap(([target, rounds]) => absoluteFigures(target.name, rounds)) }
}

function print(options: BenchOptions, outcome: Outcome): number {
  const { compared, absolute } = figuresOf(outcome)
  const missed = compared.filter((figure) => holdsBar(figure) === false).map((figure) => figure.key)
  if (options.json) {
    const object = {
      ...asObject(compared),
      ...asObject(absolute),
      requests_sent: outcome.sent,
      log_rows: outcome.rows,
      log_drain_ms: outcome.drainMs,
      rounds: options.rounds,
      seconds: options.seconds,
      cores: cpus().length,
      node: process.version,
      missed,
      failures: outcome.failures,
    }
    process.stdout.write(`${JSON.stringify(object)}\n`)
  } else {
    const parts = [compared, absolute].filter((figures) => figures.length > 0).map(table)
    const log =
      outcome.rows === null ? '' : `\nlog        ${outcome.rows} rows for ${outcome.sent} requests sent`
    const failures = outcome.failures.map((line) => `\nFAILED     ${line}`).join('')
    process.stdout.write(`${parts.join('\n\n')}\n${log}${failures}\n`)
  }
  return outcome.failures.length > 0 || (options.strict && missed.length > 0) ? 1 : 0
}

/** What was started is on `stops` at once, so that a later failure leaves nothing behind. */
async function startTargets(
  options: BenchOptions,
  mockPort: number,
  stops: (() => Promise<unknown>)[],
): Promise<Target[]> {
  const targets: Target[] = []
  const add = (target: Target) => {
    stops.push(target.stop)
    targets.push(target)
  }
  // First, because it may have to be downloaded and may fail.
  const portkey = options.against === 'portkey' ? await startPortkey(mockPort, progress) : null
  if (portkey !== null) stops.push(portkey.stop)
  if (options.only !== 'aval') add(await startReference(mockPort))
  if (options.only !== 'reference') {
    for (const name of options.against === 'unlogged'
      ? (['aval', 'unlogged'] as const)
      : (['aval'] as const)) {
      const scratch = options.database === undefined ? null : await startScratchDatabase(options.database)
      if (scratch !== null) stops.push(scratch.stop)
      add(await startAval(mockPort, scratch?.url, name))
    }
  }
  return portkey === null ? targets : [...targets, portkey]
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2), process.env)
  if (options === null) {
    process.stdout.write(`${HELP}\n`)
    return 0
  }
  const stops: (() => Promise<unknown>)[] = []
  try {
    const mock = await startMock()
    stops.push(mock.stop)
    const load = startLoadGenerator()
    stops.push(load.stop)
    const targets = await startTargets(options, mock.port, stops)
    const kinds = RUN_KINDS.length * targets.length * options.rounds
    progress(`${cpus().length} cores, Node ${process.version}, ${kinds} runs`)
    return print(options, await runAll(options, load, targets))
  } finally {
    for (const stop of stops.reverse()) await stop()
  }
}

main().then(
  (code) => {
    process.exitCode = code
  },
  (cause: unknown) => {
    progress(cause instanceof Error ? (cause.stack ?? cause.message) : String(cause))
    process.exitCode = 1
  },
)
