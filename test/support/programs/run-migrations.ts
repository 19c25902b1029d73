/** Migrates the database of its first argument from the folder of its second, and says which files it applied. */

import { migrate } from '../../../src/db/migrate.ts'
import { openPool } from '../../../src/db/pool.ts'

const [url = '', directory = ''] = process.argv.slice(2)
const pool = openPool(url, { maxConnections: 1, applicationName: 'aval-test' })
console.log(JSON.stringify(await migrate(pool, { directory })))
await pool.close()
