/** Locks the folder of its first argument, says how that went in one line of JSON, and stays until killed. */

import { AlreadyRunningError, lockFolder } from '../../../src/db/lock.ts'

try {
  await lockFolder(process.argv[2] ?? '')
  console.log(JSON.stringify({ locked: true, pid: process.pid }))
} catch (error) {
  if (!(error instanceof AlreadyRunningError)) throw error
  console.log(JSON.stringify({ locked: false, pid: error.pid }))
}
// "block" keeps the event loop busy: a holder that cannot answer is still the holder.
if (process.argv[3] === 'block') {
  const forever = new Int32Array(new SharedArrayBuffer(4))
  Atomics.wait(forever, 0, 0)
}
setInterval(() => undefined, 60_000)
