/**
 * A database for one benchmark on somebody's PostgreSQL server: made, migrated, and dropped however the run ends.
 * Never uses the database that the address names, nor leaves rows in it.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createMigratedDatabase, dropDatabase } from '../test/support/server-database.ts'

const DROP_LIMIT_MS = 10_000
const THIS_FILE = fileURLToPath(import.meta.url)

/** Creates `aval_bench_<random>`. Throws, with the server's own words, where the role may not create databases. */
export async function startScratchDatabase(
  serverUrl: string,
): Promise<{ url: string; stop(): Promise<void> }> {
  const { name, url } = await createMigratedDatabase(serverUrl, 'aval_bench').catch((cause: Error) => {
    const remedy = 'It takes a role with CREATEDB and a server with the vector extension.'
    throw new Error(
      `No scratch database could be made on the server of --database: ${cause.message}. ${remedy}`,
      { cause },
    )
  })
  // Ctrl-C ends this process without waiting for anything; what is left then is dropped by a process of its own.
  const dropLate = () => {
    const environment = { ...process.env, AVAL_BENCH_SERVER: serverUrl, AVAL_BENCH_DROP: name }
    spawnSync(process.execPath, [THIS_FILE], { env: environment, stdio: 'inherit', timeout: DROP_LIMIT_MS })
  }
  process.on('exit', dropLate)
  return {
    url,
    stop: async () => {
      await dropDatabase(serverUrl, name)
      process.off('exit', dropLate)
    },
  }
}

if (process.argv[1] === THIS_FILE) {
  const { AVAL_BENCH_SERVER: serverUrl, AVAL_BENCH_DROP: name } = process.env
  if (serverUrl !== undefined && name !== undefined) await dropDatabase(serverUrl, name)
}
