/** Runs the embedded database of the folder in its first argument, prints one line of JSON per event, stays until killed. */

import { startEmbedded } from '../../../src/db/embedded.ts'
import { AlreadyRunningError } from '../../../src/db/lock.ts'

try {
  const embedded = await startEmbedded({ dataFolder: process.argv[2] ?? '' })
  console.log(JSON.stringify({ started: true, child: embedded.pid() }))
} catch (error) {
  if (!(error instanceof AlreadyRunningError)) throw error
  console.log(JSON.stringify({ started: false, pid: error.pid }))
  process.exit(3)
}
setInterval(() => undefined, 60_000)
