/** An embedded database in the memory of the test process, spoken to through a real socket. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PGlite } from '@electric-sql/pglite'
import { vector } from '@electric-sql/pglite-pgvector'
import { connectDatabase, type DatabaseConnection } from '../../src/db/client.ts'
import { type SessionServerOptions, serveSession } from '../../src/db/session-server.ts'
import { SOCKET_NAME } from '../../src/db/wire.ts'
import { embeddedUrl } from '../../src/lib/database-url.ts'

export const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url))

export type EmbeddedDatabase = {
  url: string
  connection: DatabaseConnection
  /** The data folder as an uncompressed tar. */
  dump(): Promise<Buffer>
  close(): Promise<void>
}

/** Opens a database, empty or from a dump, that lives as long as the process or until closed. */
export async function openEmbeddedDatabase(
  dump?: Buffer<ArrayBuffer>,
  limits: Partial<Pick<SessionServerOptions, 'maxConnections' | 'maxSilenceMs' | 'maxCopyBytes'>> = {},
): Promise<EmbeddedDatabase> {
  const directory = await mkdtemp(join(tmpdir(), 'aval-database-'))
  const pglite = await PGlite.create({
    extensions: { vector },
    ...(dump === undefined ? {} : { loadDataDir: new Blob([dump]) }),
  })
  await pglite.exec('CREATE EXTENSION IF NOT EXISTS vector')
  const server = await serveSession(pglite, {
    path: join(directory, SOCKET_NAME),
    maxConnections: 32,
    ...limits,
    onFatal: (error) => console.error(error),
  })
  const url = embeddedUrl(directory)
  const connection = connectDatabase(url, { maxConnections: 4, applicationName: 'aval-test' })
  return {
    url,
    connection,
    dump: async () => Buffer.from(await (await pglite.dumpDataDir('none')).arrayBuffer()),
    close: async () => {
      await connection.close()
      await server.close()
      await pglite.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
