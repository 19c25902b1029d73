/** Thousands of virtual keys straight into a gateway's database, beside the running gateway. */

import { join } from 'node:path'
import { connectDatabase, type DatabaseConnection } from '../../src/db/client.ts'
import { virtualKeys } from '../../src/db/schema.ts'
import { socketUrl } from '../../src/db/socket-url.ts'
import { announceKeyChange, ensureProject } from '../../src/keys/store.ts'
import { digestSecret, formatToken, newSecret, pepperKey } from '../../src/keys/token.ts'
import { embeddedUrl } from '../../src/lib/database-url.ts'
import { newId } from '../../src/lib/ids.ts'

const ROWS_PER_INSERT = 1_000
const PROJECT = { id: 'prj_default', name: 'default' }

/** A connection to the database of a running gateway: the embedded one in its data folder, or a server's. */
export async function connectBeside(home: string, serverUrl: string | null): Promise<DatabaseConnection> {
  const { url, remove } = await socketUrl(serverUrl ?? embeddedUrl(join(home, 'db', 'server')))
  const connection = connectDatabase(url, { maxConnections: 2, applicationName: 'aval-test' })
  return {
    ...connection,
    close: async () => {
      await connection.close()
      await remove()
    },
  }
}

/** Makes so many app keys in one transaction, announced once at its end. Returns their tokens in order of their ids. */
export async function insertKeys(
  { db }: Pick<DatabaseConnection, 'db'>,
  pepper: string,
  count: number,
  revokedAt: Date | null = null,
): Promise<string[]> {
  const pepperObject = pepperKey(Buffer.from(pepper))
  const createdAt = new Date()
  const made = Array.from({ length: count }, (_, at) => {
    const parts = { id: newId('vk', createdAt.getTime()), secret: newSecret() }
    const digest = digestSecret(pepperObject, parts.secret)
    const name = `bulk-${at}`
    const row = { id: parts.id, projectId: PROJECT.id, name, roles: ['app'], digest, createdAt, revokedAt }
    return { token: formatToken(parts), row }
  })
  await db.transaction(async (transaction) => {
    await ensureProject(transaction, { ...PROJECT, createdAt })
    for (let at = 0; at < made.length; at += ROWS_PER_INSERT) {
      const rows = made.slice(at, at + ROWS_PER_INSERT).map(({ row }) => row)
      await transaction.insert(virtualKeys).values(rows)
    }
    await announceKeyChange(transaction)
  })
  return made.map(({ token }) => token)
}
