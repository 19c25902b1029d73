/** Rules, bars and channels of alerts as aval.yaml and the files beside it have them now, in a process that no reload is told of. */

import type { Config } from './config.ts'
import { ConfigError } from './errors.ts'
import { type BarRule, hasOwnBar } from './monitoring/bars/bar.ts'

/** Reads the file at each call; one with mistakes leaves the last good ones in force. */
export function alertsInForce(config: Config, readConfig: () => Config): () => Config['alerts'] {
  let last = config.alerts
  return () => {
    try {
      last = readConfig().alerts
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
    }
    return last
  }
}

/**
 * The same of bars. Null until the files could be read once: a process that began despite mistakes in them knows no bar, and must end
 * no alert for that.
 */
export function barsInForce(readConfig: () => Config): () => readonly BarRule[] | null {
  let last: readonly BarRule[] | null = null
  return () => {
    try {
      last = readConfig().alerts.rules.filter(hasOwnBar)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
    }
    return last
  }
}
