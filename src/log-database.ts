/** The database of the log for a command beside the server: the one that runs, or the embedded one opened for it. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Sql } from 'postgres'
import type { Config } from './config.ts'
import { openDatabase } from './database.ts'
import { openPool } from './db/pool.ts'
import { socketUrl } from './db/socket-url.ts'
import { ConfigError } from './errors.ts'
import { embeddedUrl } from './lib/database-url.ts'
import type { Logger } from './telemetry/logger.ts'

/** `url` is what `openPool` opens further connections with, in this process alone. */
export type LogDatabase = { sql: Sql; url: string; close(): Promise<void> }

const MAX_CONNECTIONS = 2

/**
 * A server by DATABASE_URL; else the embedded database of this data folder, shared with the process that runs it, or
 * started for as long as the command needs it. Throws ConfigError when the folder has none.
 */
export async function openLogDatabase(config: Config, logger: Logger): Promise<LogDatabase> {
  const server = config.database.url?.reveal()
  const application = { maxConnections: MAX_CONNECTIONS, applicationName: 'aval audit' }
  if (server !== undefined) return { ...openPool(server, application), url: server }
  const folder = join(config.home, 'db', 'server')
  if (!existsSync(join(config.home, 'db'))) {
    throw new ConfigError([
      `${config.home}: there is no log yet. Run "aval serve" first, or set AVAL_HOME or DATABASE_URL.`,
    ])
  }
  const shared = await shareRunning(folder)
  if (shared !== null) return shared
  const own = await openDatabase(config, logger, { migrateServer: false, onEmbedded: () => undefined })
  return { sql: own.connection.sql, url: own.url, close: () => own.close() }
}

async function shareRunning(folder: string): Promise<LogDatabase | null> {
  if (!existsSync(folder)) return null
  const { url, remove } = await socketUrl(embeddedUrl(folder))
  const pool = openPool(url, { maxConnections: 1, applicationName: 'aval audit' })
  const close = async () => {
    await pool.close()
    await remove()
  }
  try {
    await pool.sql`SELECT 1`
    return { sql: pool.sql, url, close }
  } catch (error) {
    await close()
    const code = (error as NodeJS.ErrnoException).code ?? ''
    // Nobody listens: the folder is free, and may be opened here.
    if (['ENOENT', 'ECONNREFUSED', 'CONNECT_TIMEOUT'].includes(code)) return null
    throw error
  }
}
