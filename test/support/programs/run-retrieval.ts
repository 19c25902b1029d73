/**
 * Reads sources and builds indexes as a worker does, on the ids that it is given, and says so on its first line. To be
 * killed in the middle: `run-retrieval.ts <database> <folder> <syn_… or iv_…>`.
 */

import { connectDatabase } from '../../../src/db/client.ts'
import { runBuildIndex } from '../../../src/jobs/build-index.ts'
import { runSyncSource } from '../../../src/jobs/sync-source.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import type { Enqueuer } from '../../../src/queue/enqueue.ts'
import { retrievalParts } from '../retrieval.ts'

const [url = '', folder = '', id = ''] = process.argv.slice(2)
const connection = connectDatabase(url, { maxConnections: 4, applicationName: 'killed' })
const retrieval = retrievalParts(folder)
const { signal } = new AbortController()
const enqueuer = { enqueue: async () => undefined } as unknown as Enqueuer
const deps = { ...retrieval.parts, ...connection, clock: systemClock, enqueuer }

process.stdout.write(`${JSON.stringify({ id })}\n`)
const outcome = id.startsWith('syn_')
  ? await runSyncSource(deps, { syncId: id }, signal)
  : await runBuildIndex(deps, { indexId: id }, signal)
process.stdout.write(`${JSON.stringify({ outcome })}\n`)
await retrieval.close()
await connection.close()
