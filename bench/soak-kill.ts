/**
 * Kills a gateway with SIGKILL again and again under load and compares three accounts of what happened:
 * what clients were answered, what reached the upstream, and what the log holds. Never forgives a missing row.
 *
 *   node bench/soak-kill.ts --kills 30
 *   node bench/soak-kill.ts --kills 30 --command "node other-gateway.js" --env KEY=value
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Pool } from 'undici'
import { freePort, type RunningServer, startServer } from '../test/support/child.ts'
import { cleanEnvironment, newTestKey, prepareHome } from '../test/support/gateway.ts'
import { startUpstream, type Upstream } from '../test/support/upstream.ts'
import { median } from './histogram.ts'
import { type LogAccess, listRows, SETTLE_LIMIT_MS } from './request-log.ts'

export interface SoakOptions {
  kills: number
  /** Program and arguments; it is given PORT, AVAL_HOME, OPENAI_BASE_URL and the keys. */
  command: readonly string[]
  env?: Record<string, string>
  concurrency?: number
  /** The gateway lives this long after it was ready, chosen anew each time. */
  lifeMs?: { min: number; max: number }
  readyTimeoutMs?: number
  /** How long rows may take to appear once the load has ended. */
  settleLimitMs?: number
  progress?: (line: string) => void
}

export interface SoakResult {
  kills: number
  /** Requests written to a connection; some were cut off by a kill. */
  sent: number
  acknowledged: number
  /** Answers that were neither 200 nor cut off, by status. */
  refused: Record<string, number>
  upstreamCalls: number
  rows: number
  /** Whole answers whose id is not in the log: must be 0. */
  lost: number
  /** Whole answers whose row says something else than `completed`: must be 0. */
  wronglyEnded: number
  /** Rows beyond the first with the same id: must be 0. */
  duplicates: number
  /** Rows without a terminal outcome once everything has settled: must be 0. */
  unresolved: number
  /** Calls that reached the upstream beyond the number of rows: must be 0. */
  upstreamWithoutRow: number
  /** Rows beyond the number of requests sent: must be 0. */
  invented: number
  outcomes: Record<string, number>
  readyMs: { median: number; max: number }
}

interface Journal {
  sent: number
  acknowledged: Set<string>
  refused: Record<string, number>
  isOver: boolean
}

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
/** Nothing listens while the gateway starts again; asking more often would only heat the core it needs. */
const RETRY_MS = 25

/** One client: asks without end, streams and whole answers in turn, and writes down what it was told. */
async function client(pool: Pool, appKey: string, journal: Journal, number: number): Promise<void> {
  for (let turn = 0; !journal.isOver; turn += 1) {
    const text = `client ${number} turn ${turn}`
    const stream = turn % 2 === 1
    try {
      const response = await pool.request({
        method: 'POST',
        path: '/v1/chat/completions',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${appKey}` },
        body: JSON.stringify({ model: 'openai/mock', stream, messages: [{ role: 'user', content: text }] }),
      })
      const answer = await response.body.text()
      journal.sent += 1
      const isWhole = stream ? answer.endsWith('data: [DONE]\n\n') : answer.includes(`echo: ${text}`)
      const id = response.headers['x-request-id']
      if (response.statusCode === 200 && isWhole && typeof id === 'string') journal.acknowledged.add(id)
      else if (response.statusCode === 200 && isWhole)
        throw new Error('A whole answer came without x-request-id.')
      else journal.refused[response.statusCode] = (journal.refused[response.statusCode] ?? 0) + 1
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code
      if (code === undefined) throw cause
      // Refused: nothing was sent. Anything else was cut off in mid-request, which is what kills do.
      if (code !== 'ECONNREFUSED') journal.sent += 1
      await sleep(RETRY_MS)
    }
  }
}

/**
 * Reads the log until every row has an outcome, the wanted ids are there and no upstream call lacks a row, or the time
 * is up: what killed processes left is shipped beside what the running one writes, in no promised order.
 */
async function readLog(
  log: LogAccess,
  { wanted, upstreamCalls }: { wanted: ReadonlySet<string>; upstreamCalls: number },
  limitMs: number,
) {
  const deadline = performance.now() + limitMs
  for (;;) {
    const seen = new Map<string, string>()
    const outcomes: Record<string, number> = {}
    let rows = 0
    for await (const row of listRows(log)) {
      rows += 1
      const outcome = row.outcome ?? 'open'
      seen.set(row.id, outcome)
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    }
    let lost = 0
    let wronglyEnded = 0
    for (const id of wanted) {
      const outcome = seen.get(id)
      if (outcome === undefined) lost += 1
      else if (outcome !== 'completed') wronglyEnded += 1
    }
    const unresolved = outcomes.open ?? 0
    if ((lost === 0 && unresolved === 0 && rows >= upstreamCalls) || performance.now() > deadline) {
      return { rows, lost, wronglyEnded, unresolved, duplicates: rows - seen.size, outcomes }
    }
    await sleep(500)
  }
}

/** Runs the soak. Throws only when the gateway does not come back or a client meets something unforeseen. */
export async function soakKill(options: SoakOptions): Promise<SoakResult> {
  const { concurrency = 16, lifeMs = { min: 1_000, max: 3_000 }, progress = () => undefined } = options
  const upstream = await startUpstream()
  const home = await mkdtemp(join(tmpdir(), 'aval-soak-'))
  await prepareHome(home, { database: options.env?.DATABASE_URL === undefined })
  const port = await freePort()
  const keys = { adminKey: newTestKey(), appKey: newTestKey() }
  const url = `http://127.0.0.1:${port}`
  const env = {
    ...cleanEnvironment(),
    AVAL_HOME: home,
    PORT: String(port),
    AVAL_ADMIN_KEY: keys.adminKey,
    AVAL_APP_KEY: keys.appKey,
    OPENAI_API_KEY: 'soak-upstream-key',
    OPENAI_BASE_URL: upstream.url,
    ...options.env,
  }
  const [command = process.execPath, ...args] = options.command
  const readyTimeoutMs = options.readyTimeoutMs ?? 60_000
  const start = () =>
    startServer({ command, args, env, cwd: home, readyUrl: `${url}/health/ready`, readyTimeoutMs })
  const journal: Journal = { sent: 0, acknowledged: new Set(), refused: {}, isOver: false }
  const pool = new Pool(url, { connections: concurrency, headersTimeout: 10_000, bodyTimeout: 10_000 })
  const readyMs: number[] = []
  const servers: RunningServer[] = []
  let upstreamCalls = 0
  try {
    let server = await start()
    servers.push(server)
    const clients = Array.from({ length: concurrency }, (_, number) =>
      client(pool, keys.appKey, journal, number),
    )
    const clientsDone = Promise.all(clients)
    clientsDone.catch(() => undefined)
    for (let kill = 1; kill <= options.kills; kill += 1) {
      await Promise.race([sleep(lifeMs.min + Math.random() * (lifeMs.max - lifeMs.min)), clientsDone])
      await server.kill9()
      upstreamCalls += callsOf(upstream)
      upstream.reset()
      server = await start()
      servers.push(server)
      readyMs.push(server.readyAfterMs)
      progress(
        `kill ${kill}/${options.kills}: ready again after ${Math.round(server.readyAfterMs)} ms, ${journal.acknowledged.size} answers so far`,
      )
    }
    await sleep(500)
    journal.isOver = true
    await clientsDone
    upstreamCalls += callsOf(upstream)
    const found = await readLog(
      { url, adminKey: keys.adminKey },
      { wanted: journal.acknowledged, upstreamCalls },
      options.settleLimitMs ?? SETTLE_LIMIT_MS,
    )
    return {
      kills: options.kills,
      sent: journal.sent,
      acknowledged: journal.acknowledged.size,
      refused: journal.refused,
      upstreamCalls,
      ...found,
      upstreamWithoutRow: Math.max(0, upstreamCalls - found.rows),
      invented: Math.max(0, found.rows - journal.sent),
      readyMs: { median: median(readyMs), max: Math.max(0, ...readyMs) },
    }
  } finally {
    journal.isOver = true
    await pool.destroy()
    for (const server of servers.reverse()) await server.stop()
    await upstream.close()
    await rm(home, { recursive: true, force: true })
  }
}

/** Model calls that arrived whole; a starting gateway also asks for the list of models, which is no request of anybody's. */
function callsOf(upstream: Upstream): number {
  return upstream.journal.filter((entry) => entry.method === 'POST' && entry.receivedAt !== undefined).length
}

export function soakHolds(result: SoakResult): boolean {
  const faults = [
    result.lost,
    result.wronglyEnded,
    result.duplicates,
    result.unresolved,
    result.upstreamWithoutRow,
  ]
  return result.acknowledged > 0 && faults.every((count) => count === 0)
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '30' },
      concurrency: { type: 'string', default: '16' },
      command: { type: 'string' },
      env: { type: 'string', multiple: true, default: [] },
    },
  })
  const result = await soakKill({
    kills: Number(values.kills),
    concurrency: Number(values.concurrency),
    command: values.command?.split(' ') ?? [process.execPath, MAIN, 'serve'],
    env: Object.fromEntries(
      values.env.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
    ),
    progress: (line) => void process.stderr.write(`${line}\n`),
  })
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`)
  process.exitCode = soakHolds(result) ? 0 : 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
