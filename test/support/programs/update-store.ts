/**
 * Looks at a vector store as a worker does, and says so on its first line. To be killed in the middle:
 * `update-store.ts <database> <vs_…>`.
 */

import { connectDatabase } from '../../../src/db/client.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { updateStore } from '../../../src/retrieval/stores/update.ts'
import { retrievalParts } from '../retrieval.ts'

const [url = '', id = ''] = process.argv.slice(2)
const connection = connectDatabase(url, { maxConnections: 4, applicationName: 'killed' })
const retrieval = retrievalParts('.')
const { signal } = new AbortController()

process.stdout.write(`${JSON.stringify({ id })}\n`)
const outcome = await updateStore({ ...retrieval.parts, ...connection, clock: systemClock, signal }, id)
process.stdout.write(`${JSON.stringify({ outcome })}\n`)
await retrieval.close()
await connection.close()
