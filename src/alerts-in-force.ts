/** Rules and channels of alerts as aval.yaml has them now, in a process that no reload is told of. */

import type { Config } from './config.ts'
import { ConfigError } from './errors.ts'

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
