/**
 * Loaded before Aval (`--import`), it puts a log that keeps nothing in the place of the real one, to measure what the
 * log costs. It is no setting of the product and must never become one: only the benchmark can start Aval like this.
 */
import { registerHooks } from 'node:module'

const LOG = new URL('../src/audit/guarded-log.ts', import.meta.url).href

/** Events still reach the real log; requests do not. */
const NOTHING = `
import { GuardedLog as RealLog } from ${JSON.stringify(`${LOG}?real`)}
const done = Promise.resolve()
export class GuardedLog extends RealLog {
  open() { return done }
  part() {}
  close() { return done }
  whole() { return done }
}`

registerHooks({
  load: (url, context, next) =>
    url === LOG ? { format: 'module', source: NOTHING, shortCircuit: true } : next(url, context),
})
