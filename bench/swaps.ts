/**
 * What a change of a large registry costs the requests that are served meanwhile: turns of the same load without changes and with
 * one every second, in alternation. Each change makes the gateway read, compile and swap the whole registry, and keep it on disk.
 *
 *   node bench/swaps.ts --database postgres://… [--routes 10000] [--rounds 6]
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { connectDatabase } from '../src/db/client.ts'
import { newId } from '../src/lib/ids.ts'
import { quantile } from '../src/lib/quantile.ts'
import { announceRegistryChange } from '../src/registry/releases/store.ts'
import { percentile } from './histogram.ts'
import { largeRegistry } from './large-registry.ts'
import { startScratchDatabase } from './scratch-database.ts'
import { startAval, startLoadGenerator, startMock } from './targets.ts'

const { values } = parseArgs({
  options: {
    database: { type: 'string' },
    routes: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '6' },
  },
})
const server = values.database ?? process.env.TEST_DATABASE_URL
if (server === undefined) throw new Error('Name a server: --database postgres://user@127.0.0.1:5432/postgres')
const rounds = Number(values.rounds)
const SECONDS = 8
const CONCURRENCY = 4
const CHANGE_EVERY_MS = 1_000

const scratch = await startScratchDatabase(server)
const { sql, db, close } = connectDatabase(scratch.url, { maxConnections: 2, applicationName: 'aval bench' })

/** Versions and releases without labels: those are asked by number. */
async function fill(): Promise<void> {
  const { prompts, models, releases } = largeRegistry(Number(values.routes))
  const nowMs = Date.now()
  const at = new Date(nowMs).toISOString()
  const versions = async (table: string, kind: 'pv' | 'mv', rows: typeof prompts) => {
    const given = JSON.stringify(rows.map((row) => ({ ...row, id: newId(kind, nowMs) })))
    await sql`
      INSERT INTO ${sql(table)} (id, project_id, name, version, hash, content, created_by, created_at)
      SELECT id, "projectId", name, version, hash, content, 'vk_bench', ${at}::timestamptz
      FROM json_to_recordset(${given}::text::json)
        AS given (id text, "projectId" text, name text, version integer, hash text, content text)`
  }
  await versions('prompt_versions', 'pv', prompts)
  await versions('model_versions', 'mv', models)
  await sql`
    INSERT INTO releases (id, project_id, route, number, hash, content, created_by, created_at)
    SELECT id, "projectId", route, number, hash, content, 'vk_bench', ${at}::timestamptz
    FROM json_to_recordset(${JSON.stringify(releases)}::text::json)
      AS given (id text, "projectId" text, route text, number integer, hash text, content text)`
}

/** Until `over` aborts; how many there were. */
async function change(over: AbortSignal): Promise<number> {
  let changes = 0
  while (!over.aborted) {
    await announceRegistryChange(db)
    changes += 1
    await sleep(CHANGE_EVERY_MS, null, { signal: over }).catch(() => undefined)
  }
  return changes
}

type Turn = { p50: number; p99: number; max: number; perSecond: number; completed: number; failed: number }

await fill()
const mock = await startMock()
const load = startLoadGenerator()
const gateway = await startAval(mock.port, scratch.url)
try {
  const turn = async (seconds: number): Promise<Turn> => {
    const { port, token } = gateway
    const spec = { port, token, model: 'openai/bench-json', stream: false, concurrency: CONCURRENCY, seconds }
    const { latency, completed, failed, elapsedSeconds } = await load.run(spec)
    const ms = (share: number) => percentile(latency, share) / 1000
    const perSecond = completed / elapsedSeconds
    return { p50: ms(0.5), p99: ms(0.99), max: latency.maxUs / 1000, perSecond, completed, failed }
  }
  await turn(SECONDS)
  const turns = { still: [] as Turn[], changing: [] as Turn[] }
  let changes = 0
  for (let round = 0; round < rounds; round += 1) {
    turns.still.push(await turn(SECONDS))
    const over = new AbortController()
    const changing = change(over.signal)
    turns.changing.push(await turn(SECONDS))
    over.abort()
    changes += await changing
    // What the last change set off ends before the next turn.
    await sleep(3 * CHANGE_EVERY_MS)
  }
  for (const [name, all] of Object.entries(turns)) {
    const median = (of: (turn: Turn) => number) => (quantile(all.map(of), 0.5) ?? Number.NaN).toFixed(2)
    const total = (of: (turn: Turn) => number) => all.reduce((sum, turn) => sum + of(turn), 0)
    console.log(
      `${name.padEnd(9)} p50 ${median(({ p50 }) => p50)} ms, p99 ${median(({ p99 }) => p99)} ms, longest ${median(({ max }) => max)} ms, ${median(({ perSecond }) => perSecond)} requests/s; ${total(({ completed }) => completed)} answered, ${total(({ failed }) => failed)} failed`,
    )
  }
  console.log(
    `${changes} changes of ${values.routes} routes with 2 releases each; medians of ${rounds} turns of ${SECONDS} s`,
  )
} finally {
  await gateway.stop()
  await load.stop()
  await mock.stop()
  await close()
  await scratch.stop()
}
process.exit(0)
