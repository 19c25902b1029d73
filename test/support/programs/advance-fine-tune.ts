/**
 * Goes on with a model in training, as a worker does, and says so on its first line. To be killed in the middle:
 * `advance-fine-tune.ts <database> <ftn_…> <upstream's address> <milliseconds that its clock is ahead>`.
 */

import { connectDatabase } from '../../../src/db/client.ts'
import { openTuners, work } from '../tunings.ts'

const [url = '', id = '', upstream = '', aheadMs = '0'] = process.argv.slice(2)
const connection = connectDatabase(url, { maxConnections: 2, applicationName: 'killed' })
const tuners = openTuners(upstream)

process.stdout.write(`${JSON.stringify({ id })}\n`)
await work(connection, tuners, id, { aheadMs: Number(aheadMs) })
await tuners.close()
await connection.close()
