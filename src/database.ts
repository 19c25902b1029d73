/** Opens the database a process works with: the embedded one as a child, or a server by its URL. */

import { fileURLToPath } from 'node:url'
import type { Config } from './config.ts'
import { connectDatabase, type DatabaseConnection } from './db/client.ts'
import { type EmbeddedEvent, startEmbedded } from './db/embedded.ts'
import { checkSchema, migrate, SchemaError } from './db/migrate.ts'
import type { Logger } from './telemetry/logger.ts'

const MIGRATIONS = fileURLToPath(new URL('../migrations', import.meta.url))
/** Serving needs few: the hot path uses none. */
const MAX_CONNECTIONS = 8

export type MigrationProgress = (file: { name: string; position: number; total: number }) => void

export type OpenedDatabase = {
  connection: DatabaseConnection
  /** For threads of this process that open a connection of their own. */
  url: string
  /** For child processes, which call `socketUrl` with it. */
  sharedUrl: string
  embedded: boolean
  /** False when a server did not answer: the schema was not looked at and has to be later. */
  schemaKnown: boolean
  close(): Promise<void>
}

/**
 * The embedded database is migrated here; a server only when `migrateServer` is set, otherwise its schema is compared
 * and a difference refused with SchemaError. A server that does not answer is opened all the same: the spool bridges it.
 */
export async function openDatabase(
  config: Pick<Config, 'home' | 'database'>,
  logger: Logger,
  options: {
    migrateServer: boolean
    onEmbedded: (event: EmbeddedEvent) => void
    onMigration?: MigrationProgress
  },
): Promise<OpenedDatabase> {
  const server = config.database.url
  const embedded =
    server === null ? await startEmbedded({ dataFolder: config.home, onEvent: options.onEmbedded }) : null
  const url = server?.reveal() ?? embedded?.url ?? ''
  const sharedUrl = embedded?.sharedUrl ?? url
  const connection = connectDatabase(url, { maxConnections: MAX_CONNECTIONS, applicationName: 'aval serve' })
  const close = async () => {
    await connection.close()
    await embedded?.close()
  }
  try {
    if (embedded !== null || options.migrateServer) await migrateDatabase(connection, options.onMigration)
    else await checkSchema(connection, { directory: MIGRATIONS })
    return { connection, url, sharedUrl, embedded: embedded !== null, schemaKnown: true, close }
  } catch (error) {
    if (error instanceof SchemaError || embedded !== null || options.migrateServer) {
      await close()
      throw error
    }
    logger.warn({ err: error }, 'database_unreachable_at_start')
    return { connection, url, sharedUrl, embedded: false, schemaKnown: false, close }
  }
}

/** Brings the schema up to this version; returns the names of the files that were applied. */
function migrateDatabase(connection: DatabaseConnection, onProgress?: MigrationProgress): Promise<string[]> {
  return migrate(connection, { directory: MIGRATIONS, ...(onProgress === undefined ? {} : { onProgress }) })
}

/** Refuses a schema this version does not know. Throws SchemaError, or the driver's error when nobody answers. */
export function compareSchema(connection: DatabaseConnection): Promise<void> {
  return checkSchema(connection, { directory: MIGRATIONS })
}
