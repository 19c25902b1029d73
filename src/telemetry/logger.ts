/** One JSON line per business event on stderr. User text is a field, never part of the message template. */

import { type DestinationStream, type Logger, pino } from 'pino'

export type { Logger }

type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** `destination` is stderr in production and a memory stream in tests. */
export function createLogger(level: LogLevel, destination: DestinationStream): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination)
}
